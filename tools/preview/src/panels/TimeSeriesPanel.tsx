/** Lines and bars over time, with the regions of annotations. */

import { cacheFieldDisplayNames, colorManipulator, type DataFrame, FieldType } from '@grafana/data';
import { LegendDisplayMode, TimeSeries, type UPlotConfigBuilder, type VizLegendOptions } from '@grafana/ui';
import type uPlot from 'uplot';

import type { Shading } from '../model';
import type { Drawing } from '../Panel';

const NO_LEGEND: VizLegendOptions = {
  showLegend: false,
  displayMode: LegendDisplayMode.Hidden,
  placement: 'bottom',
  calcs: [],
};

export function TimeSeriesPanel({ panel, frames, range, theme, shaded, width, height }: Drawing) {
  const legend = { ...NO_LEGEND, ...(panel.options?.legend as Partial<VizLegendOptions> | undefined) };
  return (
    <TimeSeries
      frames={graphable(frames)}
      legend={legend}
      timeRange={range}
      timeZone="utc"
      width={width}
      height={height}
    >
      {(builder: UPlotConfigBuilder) => {
        shade(builder, shaded, (name) => theme.visualization.getColorByName(name));
        return null;
      }}
    </TimeSeries>
  );
}

/** Frames with a time and a number; what is no number that can be drawn leaves a gap. */
function graphable(frames: DataFrame[]): DataFrame[] {
  const found = frames.filter(
    ({ fields }) => fields.some(({ type }) => type === FieldType.time) && fields.some(({ type }) => type === FieldType.number)
  );
  const drawn = found.map((frame) =>
    gapped({
      ...frame,
      fields: frame.fields
        .filter(({ type }) => type === FieldType.time || type === FieldType.number)
        .map((field) => ({
          ...field,
          values: field.values.map((value: number | null) => (Number.isFinite(value) ? value : null)),
        })),
    })
  );
  cacheFieldDisplayNames(drawn);
  return drawn;
}

/** A null where points are missing: without one, a line would be drawn across. */
function gapped(frame: DataFrame): DataFrame {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  const step = time?.config.interval;
  if (time === undefined || !step) {
    return frame;
  }
  const instants = time.values as number[];
  const kept: Array<number | null> = [];
  const filled: number[] = [];
  for (const [index, at] of instants.entries()) {
    const last = instants[index - 1];
    if (last !== undefined && at - last > step) {
      filled.push(last + step);
      kept.push(null);
    }
    filled.push(at);
    kept.push(index);
  }
  const fields = frame.fields.map((field) => ({
    ...field,
    values: field === time ? filled : kept.map((index) => (index === null ? null : field.values[index])),
  }));
  return { ...frame, fields, length: filled.length };
}

const known = new WeakSet<UPlotConfigBuilder>();

/** Regions of annotations, as Grafana draws them: a light area between two dashed lines. */
function shade(builder: UPlotConfigBuilder, shaded: Shading[], color: (name: string) => string): void {
  if (known.has(builder)) {
    return;
  }
  known.add(builder);
  builder.addHook('draw', (plot: uPlot) => {
    const { ctx, bbox } = plot;
    const x = (at: number) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, plot.valToPos(at, 'x', true)));
    ctx.save();
    for (const { color: name, regions } of shaded) {
      const drawn = color(name);
      for (const { from, to } of regions) {
        ctx.fillStyle = colorManipulator.alpha(drawn, 0.1);
        ctx.fillRect(x(from), bbox.top, x(to) - x(from), bbox.height);
        ctx.strokeStyle = drawn;
        ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
        ctx.beginPath();
        for (const edge of [x(from), x(to)]) {
          ctx.moveTo(edge, bbox.top);
          ctx.lineTo(edge, bbox.top + bbox.height);
        }
        ctx.stroke();
      }
    }
    ctx.restore();
  });
}
