/** Bars between a minimum and a maximum. */

import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import { BarGauge, BarGaugeDisplayMode, VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';

import { configOf } from '../fields';
import type { Drawing } from '../Panel';

interface Options {
  reduceOptions?: ReduceDataOptions;
  orientation?: VizOrientation;
  displayMode?: BarGaugeDisplayMode;
  showUnfilled?: boolean;
}

export function BarGaugePanel({ panel, frames, theme, width, height }: Drawing) {
  const options = (panel.options ?? {}) as Options;
  const orientation = options.orientation ?? VizOrientation.Horizontal;
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: configOf(panel),
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] },
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
    });
  const one = (drawn: VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>) => (
    <BarGauge
      value={drawn.value.display}
      field={drawn.value.field}
      display={drawn.value.view?.getFieldDisplayProcessor(drawn.value.colIndex ?? 0)}
      alignmentFactors={drawn.alignmentFactors}
      orientation={drawn.orientation}
      displayMode={options.displayMode ?? BarGaugeDisplayMode.Gradient}
      showUnfilled={options.showUnfilled ?? true}
      width={drawn.width}
      height={drawn.height}
      theme={theme}
    />
  );
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={one}
      source={frames}
      renderCounter={0}
      itemSpacing={8}
      orientation={orientation}
      width={width}
      height={height}
    />
  );
}
