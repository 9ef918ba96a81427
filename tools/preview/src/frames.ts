/** Answers as the data frames that Grafana's data sources for Prometheus and Postgres make of them. */

import { type DataFrame, type Field, FieldType, type Labels, toDataFrame } from '@grafana/data';

import type { Answer, Instant, Range, Rows } from './model';

export function framesOf(answers: Answer[]): DataFrame[] {
  const tables = answers.filter((answer) => answer.kind === 'instant' && answer.table).length;
  return answers.flatMap((answer) => {
    switch (answer.kind) {
      case 'range':
        return ofRange(answer);
      case 'instant':
        return answer.table ? [asTable(answer, tables)] : ofVector(answer);
      case 'rows':
        return [answer.series ? asSeries(answer) : ofRows(answer)];
      case 'failed':
        return [];
    }
  });
}

function ofRange({ refId, legend, stepMs, series }: Range): DataFrame[] {
  return series.map(({ metric, values }) =>
    frame(refId, [
      { ...field('Time', FieldType.time, values.map(([at]) => at * 1000)), config: { interval: stepMs } },
      {
        ...field('Value', FieldType.number, values.map(([, value]) => numberOf(value))),
        labels: metric,
        config: { displayNameFromDS: named(legend, metric) },
      },
    ])
  );
}

function ofVector({ refId, legend, series }: Instant): DataFrame[] {
  return series.map(({ metric, value: [at, value] }) =>
    frame(refId, [
      field('Time', FieldType.time, [at * 1000]),
      {
        ...field('Value', FieldType.number, [numberOf(value)]),
        labels: metric,
        config: { displayNameFromDS: named(legend, metric) },
      },
    ])
  );
}

function asTable({ refId, series }: Instant, tables: number): DataFrame {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return frame(refId, [
    field('Time', FieldType.time, series.map(({ value: [at] }) => at * 1000)),
    ...labels.map((label) => field(label, FieldType.string, series.map(({ metric }) => metric[label] ?? ''))),
    field(
      tables > 1 ? `Value #${refId}` : 'Value',
      FieldType.number,
      series.map(({ value: [, value] }) => numberOf(value))
    ),
  ]);
}

function ofRows({ refId, columns, rows }: Rows): DataFrame {
  return frame(
    refId,
    columns.map(({ name, type }, at) => field(name, FieldType[type], rows.map((row) => row[at])))
  );
}

/** Long to wide: an instant once, and a field for each number and combination of texts. */
function asSeries({ refId, columns, rows }: Rows): DataFrame {
  const at = columns.findIndex(({ type }) => type === 'time');
  const texts = columns.flatMap(({ type }, index) => (type === 'string' ? [index] : []));
  const numbers = columns.flatMap(({ type }, index) => (type === 'number' ? [index] : []));
  const instants = [...new Set(rows.map((row) => Number(row[at])))].sort((a, b) => a - b);
  const place = new Map(instants.map((instant, index) => [instant, index]));
  const fields = new Map<string, Field>();
  for (const row of rows) {
    const labels: Labels = Object.fromEntries(texts.map((index) => [columns[index]!.name, String(row[index])]));
    for (const index of numbers) {
      const { name } = columns[index]!;
      const key = JSON.stringify([name, labels]);
      const found = fields.get(key) ?? { ...field(name, FieldType.number, instants.map(() => null)), labels };
      found.values[place.get(Number(row[at]))!] = row[index];
      fields.set(key, found);
    }
  }
  const drawn = [...fields.values()].map(({ labels = {}, ...rest }) =>
    // A single text column named metric is the name of the series.
    columns.length === 3 && labels.metric !== undefined
      ? { ...rest, name: labels.metric }
      : { ...rest, labels }
  );
  return frame(refId, [field('time', FieldType.time, instants), ...drawn]);
}

function frame(refId: string, fields: Field[]): DataFrame {
  return { ...toDataFrame({ refId, fields }), refId };
}

function field(name: string, type: FieldType, values: unknown[]): Field {
  return { name, type, values, config: {} };
}

/** JSON has no number for what Prometheus writes as NaN, +Inf and -Inf. */
function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/** `legend` with its labels filled in; without one, the series as PromQL writes it. */
function named(legend: string, metric: Labels): string {
  if (legend && legend !== '__auto') {
    return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length > 0 ? `${name}{${pairs.join(', ')}}` : name || 'Value';
}
