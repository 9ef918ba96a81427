/** A panel in its frame, drawn by the component for its type; one that has none says so. */

import { type DataFrame, type GrafanaTheme2, type TimeRange, renderMarkdown } from '@grafana/data';
import { Icon, PanelChrome } from '@grafana/ui';
import type { ReactNode } from 'react';

import type { PanelModel, Shading } from './model';
import { BarGaugePanel } from './panels/BarGaugePanel';
import { StatPanel } from './panels/StatPanel';
import { StateTimelinePanel } from './panels/StateTimelinePanel';
import { TablePanel } from './panels/TablePanel';
import { TimeSeriesPanel } from './panels/TimeSeriesPanel';

/** What every drawing gets. `width` and `height` are those of the inside of the panel, in pixels. */
export interface Drawing {
  panel: PanelModel;
  frames: DataFrame[];
  range: TimeRange;
  theme: GrafanaTheme2;
  shaded: Shading[];
  width: number;
  height: number;
}

const DRAWN_BY: Record<string, (drawing: Drawing) => ReactNode> = {
  bargauge: (drawing) => <BarGaugePanel {...drawing} />,
  stat: (drawing) => <StatPanel {...drawing} />,
  'state-timeline': (drawing) => <StateTimelinePanel {...drawing} />,
  table: (drawing) => <TablePanel {...drawing} />,
  text: ({ panel }) => <Markdown text={String(panel.options?.content ?? '')} />,
  timeseries: (drawing) => <TimeSeriesPanel {...drawing} />,
};

const UNPADDED = new Set(['table']);

export function Panel({ panel, failed, width, height, ...rest }: Drawing & { failed: string[] }) {
  if (panel.type === 'row') {
    return <Row title={panel.title ?? ''} theme={rest.theme} />;
  }
  return (
    <PanelChrome
      title={panel.title}
      description={panel.description ? () => renderMarkdown(panel.description) : undefined}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      padding={UNPADDED.has(panel.type) ? 'none' : 'md'}
      statusMessage={failed.join('\n') || undefined}
      width={width}
      height={height}
    >
      {(innerWidth, innerHeight) => {
        const draw = DRAWN_BY[panel.type];
        if (draw === undefined) {
          return <Note text={`Panels of type ${panel.type} are not drawn by this preview.`} />;
        }
        if (failed.length > 0) {
          return <Note text={failed.join('\n')} />;
        }
        if (panel.type !== 'text' && !rest.frames.some((frame) => frame.length > 0)) {
          return <Note text={panel.fieldConfig?.defaults.noValue || 'No data'} />;
        }
        return draw({ panel, ...rest, width: innerWidth, height: innerHeight });
      }}
    </PanelChrome>
  );
}

function Row({ title, theme }: { title: string; theme: GrafanaTheme2 }) {
  return (
    <div
      style={{
        display: 'flex',
        alignItems: 'center',
        gap: 6,
        height: '100%',
        fontWeight: 500,
        fontSize: theme.typography.h5.fontSize,
        color: theme.colors.text.primary,
      }}
    >
      <Icon name="angle-down" /> {title}
    </div>
  );
}

function Note({ text }: { text: string }) {
  return (
    <div
      style={{ height: '100%', display: 'grid', placeItems: 'center', opacity: 0.6, whiteSpace: 'pre-wrap' }}
      data-note={text}
    >
      {text}
    </div>
  );
}

function Markdown({ text }: { text: string }) {
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(text) }} />;
}
