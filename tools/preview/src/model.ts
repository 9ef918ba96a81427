/** What `evaluation.py` hands over: a dashboard with the results of its queries. Instants are Unix milliseconds. */

import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Rehearsed {
  title: string;
  from: number;
  to: number;
  chosen: Choice[];
  links: string[];
  shaded: Shading[];
  panels: Placed[];
}

/** A variable as the bar at the top shows it. */
export interface Choice {
  label: string;
  text: string;
}

/** Annotations of one query. */
export interface Shading {
  name: string;
  color: string;
  regions: Array<{ from: number; to: number }>;
}

export interface Placed {
  panel: PanelModel;
  /** In columns of 24 and rows of 30 pixels. */
  place: Place;
  answers: Answer[];
}

export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The members of a panel's JSON that matter here. */
export interface PanelModel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  transparent?: boolean;
  fieldConfig?: FieldConfigSource;
  options?: Record<string, unknown>;
  transformations?: DataTransformerConfig[];
  /** Where its range begins, if it is not that of the dashboard. */
  from?: number;
}

export type Answer = Range | Instant | Rows | Failed;

interface Asked {
  refId: string;
}

export interface Failed extends Asked {
  kind: 'failed';
  reason: string;
}

export interface Range extends Asked {
  kind: 'range';
  legend: string;
  stepMs: number;
  series: Array<{ metric: Record<string, string>; values: Array<[number, string]> }>;
}

/** A vector; `table`: a row for each series, whose labels are columns. */
export interface Instant extends Asked {
  kind: 'instant';
  legend: string;
  table: boolean;
  series: Array<{ metric: Record<string, string>; value: [number, string] }>;
}

/** Rows of SQL; `series`: the text columns are labels of the numbers. */
export interface Rows extends Asked {
  kind: 'rows';
  series: boolean;
  columns: Array<{ name: string; type: 'time' | 'number' | 'boolean' | 'string' }>;
  rows: unknown[][];
}
