/** Big values, each with its name. */

import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  VizRepeater,
  type VizRepeaterRenderValueProps,
} from '@grafana/ui';

import { configOf } from '../fields';
import type { Drawing } from '../Panel';

interface Options {
  reduceOptions?: ReduceDataOptions;
  orientation?: VizOrientation;
  colorMode?: BigValueColorMode;
  graphMode?: BigValueGraphMode;
  justifyMode?: BigValueJustifyMode;
  textMode?: BigValueTextMode;
  wideLayout?: boolean;
  text?: { titleSize?: number; valueSize?: number };
}

export function StatPanel({ panel, frames, range, theme, width, height }: Drawing) {
  const options = (panel.options ?? {}) as Options;
  const graphMode = options.graphMode ?? BigValueGraphMode.Area;
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: configOf(panel),
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] },
      replaceVariables: (text) => text,
      sparkline: graphMode !== BigValueGraphMode.None,
      theme,
      timeZone: 'utc',
    });
  const one = (drawn: VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>) => (
    <BigValue
      value={drawn.value.display}
      count={drawn.count}
      sparkline={drawn.value.sparkline && { ...drawn.value.sparkline, timeRange: range }}
      colorMode={options.colorMode ?? BigValueColorMode.Value}
      graphMode={graphMode}
      justifyMode={options.justifyMode ?? BigValueJustifyMode.Auto}
      textMode={options.textMode ?? BigValueTextMode.Auto}
      alignmentFactors={drawn.alignmentFactors}
      disableWideLayout={options.wideLayout === false}
      text={options.text}
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
      itemSpacing={3}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
      width={width}
      height={height}
    />
  );
}
