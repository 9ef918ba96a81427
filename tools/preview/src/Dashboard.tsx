/** A dashboard: the bar with its variables and time range, and its panels on the grid. */

import { dateTime, type DataFrame, dateTimeFormat, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { Icon } from '@grafana/ui';
import type { CSSProperties, ReactNode } from 'react';

import type { PanelModel, Place, Rehearsed } from './model';
import { Panel } from './Panel';

const COLUMNS = 24;
const ROW = 30;
const GAP = 8;
const MARGIN = 16;

export interface Drawn {
  panel: PanelModel;
  place: Place;
  frames: DataFrame[];
  failed: string[];
}

interface Props {
  dashboard: Rehearsed;
  panels: Drawn[];
  theme: GrafanaTheme2;
  width: number;
}

export function Dashboard({ dashboard, panels, theme, width }: Props) {
  const column = (width - 2 * MARGIN + GAP) / COLUMNS;
  const bottom = Math.max(...panels.map(({ place }) => place.y + place.h));
  return (
    <div style={{ width, padding: MARGIN, background: theme.colors.background.canvas }} id="dashboard">
      <Bar dashboard={dashboard} theme={theme} />
      <div style={{ position: 'relative', height: bottom * (ROW + GAP) - GAP }}>
        {panels.map(({ panel, place, frames, failed }, index) => {
          const size = { width: place.w * column - GAP, height: place.h * (ROW + GAP) - GAP };
          return (
            <div
              key={index}
              style={{ position: 'absolute', left: place.x * column, top: place.y * (ROW + GAP), ...size }}
            >
              <Panel
                panel={panel}
                frames={frames}
                failed={failed}
                range={rangeOf({ from: panel.from ?? dashboard.from, to: dashboard.to })}
                theme={theme}
                shaded={dashboard.shaded}
                {...size}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function rangeOf({ from, to }: Pick<Rehearsed, 'from' | 'to'>): TimeRange {
  const range = { from: dateTime(from), to: dateTime(to) };
  return { ...range, raw: range };
}

function Bar({ dashboard, theme }: { dashboard: Rehearsed; theme: GrafanaTheme2 }) {
  const format = { timeZone: 'utc', format: 'YYYY-MM-DD HH:mm' };
  const line: CSSProperties = { display: 'flex', gap: 8, alignItems: 'center', marginBottom: 12, flexWrap: 'wrap' };
  const fill: CSSProperties = { flexGrow: 1 };
  return (
    <>
      <div style={{ ...line, marginBottom: 8 }}>
        <span style={{ fontSize: 18, fontWeight: 500, color: theme.colors.text.primary }}>{dashboard.title}</span>
        <span style={fill} />
        <Boxed theme={theme}>
          <Icon name="clock-nine" /> {dateTimeFormat(dashboard.from, format)} to {dateTimeFormat(dashboard.to, format)} UTC
        </Boxed>
      </div>
      <div style={line}>
        {dashboard.chosen.map(({ label, text }) => (
          <span key={label} style={{ display: 'flex' }}>
            <Boxed theme={theme} title>
              {label}
            </Boxed>
            <Boxed theme={theme}>
              {text} <Icon name="angle-down" />
            </Boxed>
          </span>
        ))}
        <span style={fill} />
        {dashboard.links.map((link) => (
          <Boxed key={link} theme={theme}>
            <Icon name="external-link-alt" /> {link}
          </Boxed>
        ))}
      </div>
    </>
  );
}

function Boxed({ theme, title, children }: { theme: GrafanaTheme2; title?: boolean; children: ReactNode }) {
  return (
    <span
      style={{
        height: 32,
        padding: '0 8px',
        display: 'inline-flex',
        alignItems: 'center',
        gap: 6,
        fontSize: title ? 12 : 14,
        fontWeight: title ? 500 : 400,
        whiteSpace: 'nowrap',
        color: theme.colors.text.primary,
        background: title ? theme.colors.background.secondary : theme.components.input.background,
        border: `1px solid ${title ? theme.colors.border.weak : theme.components.input.borderColor}`,
        borderRadius: theme.shape.radius.default,
      }}
    >
      {children}
    </span>
  );
}
