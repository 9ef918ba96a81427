/** Frames made ready to be drawn: transformed, then with units, thresholds, names and colors. */

import {
  applyFieldOverrides,
  booleanOverrideProcessor,
  cacheFieldDisplayNames,
  type DataFrame,
  displayNameOverrideProcessor,
  type FieldConfigPropertyItem,
  FieldConfigOptionsRegistry,
  type FieldConfigSource,
  type GrafanaTheme2,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  type TransformerRegistryItem,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import type { PanelModel } from './model';

type Process = FieldConfigPropertyItem['process'];

const STANDARD: Record<string, Process> = {
  unit: unitOverrideProcessor as Process,
  min: numberOverrideProcessor as Process,
  max: numberOverrideProcessor as Process,
  decimals: numberOverrideProcessor as Process,
  displayName: displayNameOverrideProcessor as Process,
  noValue: stringOverrideProcessor as Process,
  description: stringOverrideProcessor as Process,
  fieldMinMax: booleanOverrideProcessor as Process,
  filterable: booleanOverrideProcessor as Process,
  thresholds: thresholdsOverrideProcessor as Process,
  mappings: valueMappingsOverrideProcessor as Process,
  color: identityOverrideProcessor as Process,
  links: identityOverrideProcessor as Process,
};

/** What a panel of this type has where its JSON is silent. */
const SILENT: Record<string, Record<string, unknown>> = {
  timeseries: {
    axisBorderShow: false,
    axisCenteredZero: false,
    axisColorMode: 'text',
    axisLabel: '',
    axisPlacement: 'auto',
    barAlignment: 0,
    barWidthFactor: 0.6,
    drawStyle: 'line',
    fillOpacity: 0,
    gradientMode: 'none',
    hideFrom: { legend: false, tooltip: false, viz: false },
    insertNulls: false,
    lineInterpolation: 'linear',
    lineWidth: 1,
    pointSize: 5,
    scaleDistribution: { type: 'linear' },
    showPoints: 'auto',
    spanNulls: false,
    stacking: { group: 'A', mode: 'none' },
    thresholdsStyle: { mode: 'off' },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};

const PALETTE = new Set(['timeseries', 'barchart', 'piechart', 'trend', 'xychart']);

// Some are listed under two names.
const TRANSFORMERS = [...new Map(Object.values(standardTransformers).map((info) => [info.id, info])).values()];

standardTransformersRegistry.setInit(() =>
  TRANSFORMERS.map((info) => {
    // They have no editor here, and no picture.
    const item = { id: info.id, name: info.name, description: info.description, transformation: async () => info };
    return item as unknown as TransformerRegistryItem;
  })
);

export async function ready(panel: PanelModel, frames: DataFrame[], theme: GrafanaTheme2): Promise<DataFrame[]> {
  const steps = (panel.transformations ?? []).filter((step) => !step.disabled);
  const unknown = steps.find((step) => standardTransformersRegistry.getIfExists(step.id) === undefined);
  if (unknown) {
    throw new Error(`transformation ${unknown.id} cannot be shown here`);
  }
  const data = await lastValueFrom(transformDataFrame(steps, frames));
  const fieldConfig = configOf(panel);
  const drawn = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: registryOf(fieldConfig),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(drawn);
  return drawn;
}

export function configOf({ type, fieldConfig }: PanelModel): FieldConfigSource {
  const { defaults = {}, overrides = [] } = fieldConfig ?? {};
  return {
    defaults: {
      color: { mode: PALETTE.has(type) ? 'palette-classic' : 'thresholds' },
      ...defaults,
      custom: { ...SILENT[type], ...defaults.custom },
    },
    overrides,
  };
}

/** A registry with the standard properties, and each property of the panel's own that is set. */
function registryOf({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const own = new Set(Object.keys(defaults.custom ?? {}));
  for (const { id } of overrides.flatMap(({ properties }) => properties)) {
    if (id.startsWith('custom.')) {
      own.add(id.slice('custom.'.length));
    }
  }
  return new FieldConfigOptionsRegistry(() => [
    ...Object.entries(STANDARD).map(([id, process]) => property(id, id, false, process)),
    ...[...own].map((path) => property(`custom.${path}`, path, true, identityOverrideProcessor as Process)),
  ]);
}

function property(id: string, path: string, isCustom: boolean, process: Process): FieldConfigPropertyItem {
  return { id, path, isCustom, process, name: id, editor: () => null, override: () => null, shouldApply: () => true };
}
