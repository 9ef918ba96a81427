/** Grafana does not publish its state timeline: this draws the same from the same frames. */

import { colorManipulator, dateTimeFormat, type Field, FieldType, getFieldDisplayName } from '@grafana/data';
import { VizLegend, type VizLegendItem } from '@grafana/ui';
import { LegendDisplayMode } from '@grafana/schema';

import type { Drawing } from '../Panel';

const AXIS = 22;
const LEGEND = 28;
const TICKS = 8;

interface State {
  from: number;
  to: number;
  text: string;
  color: string;
}

export function StateTimelinePanel({ panel, frames, range, theme, width, height }: Drawing) {
  const begin = range.from.valueOf();
  const end = range.to.valueOf();
  const rows = frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    return frame.fields
      .filter((field) => field !== time)
      .map((field) => ({ name: getFieldDisplayName(field, frame, frames), states: time ? statesOf(time, field, end) : [] }));
  });
  const share = Number(panel.options?.rowHeight ?? 0.9);
  const opacity = Number(panel.fieldConfig?.defaults.custom?.fillOpacity ?? 70) / 100;
  const font = 12;
  const left = Math.min(width * 0.4, Math.max(...rows.map(({ name }) => name.length)) * font * 0.58 + 12);
  const lane = (height - AXIS - LEGEND) / rows.length;
  const x = (at: number) => left + ((at - begin) / (end - begin)) * (width - left - 4);
  const ticks = Array.from({ length: TICKS }, (_, index) => begin + ((end - begin) * (index + 0.5)) / TICKS);
  const instant = { timeZone: 'utc', format: end - begin > 86_400_000 ? 'MM/DD HH:mm' : 'HH:mm' };
  return (
    <div style={{ width, height }}>
      <svg width={width} height={height - LEGEND} fontSize={font} fill={theme.colors.text.primary}>
        {rows.map(({ name, states }, index) => (
          <g key={index} transform={`translate(0 ${index * lane})`}>
            <text x={left - 8} y={lane / 2} textAnchor="end" dominantBaseline="central">
              {name}
            </text>
            {states.map(({ from, to, color }) => (
              <rect
                key={from}
                x={x(from)}
                width={Math.max(1, x(to) - x(from))}
                y={(lane * (1 - share)) / 2}
                height={lane * share}
                fill={colorManipulator.alpha(color, opacity)}
              />
            ))}
          </g>
        ))}
        {ticks.map((at) => (
          <text key={at} x={x(at)} y={height - LEGEND - 8} textAnchor="middle" fill={theme.colors.text.primary}>
            {dateTimeFormat(at, instant)}
          </text>
        ))}
      </svg>
      <VizLegend items={legendOf(rows.flatMap(({ states }) => states))} placement="bottom" displayMode={LegendDisplayMode.List} />
    </div>
  );
}

/** Values that follow one another and read the same are one state; a gap of two steps ends it. */
function statesOf(time: Field, field: Field, end: number): State[] {
  const step = time.config.interval ?? 60_000;
  const found: State[] = [];
  for (const [index, at] of (time.values as number[]).entries()) {
    const value: unknown = field.values[index];
    if (value === null || value === undefined) {
      continue;
    }
    const { text, color = '' } = field.display!(value);
    const last = found.at(-1);
    const to = Math.min(at + step, end);
    if (last && last.text === text && at - last.to < step) {
      last.to = to;
    } else {
      found.push({ from: at, to, text, color });
    }
  }
  return found;
}

function legendOf(states: State[]): VizLegendItem[] {
  const colors = new Map(states.map(({ text, color }) => [text, color]));
  return [...colors].map(([label, color]) => ({ label, color, yAxis: 1 }));
}
