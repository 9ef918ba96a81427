/** Rows and columns of the first frame that has any. */

import { DashboardCursorSync, EventBusSrv } from '@grafana/data';
import { TableCellHeight } from '@grafana/schema';
import { PanelContextProvider, type TableSortByFieldState } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import type { Drawing } from '../Panel';

interface Options {
  showHeader?: boolean;
  cellHeight?: TableCellHeight;
  sortBy?: TableSortByFieldState[];
}

const BUS = new EventBusSrv();

export function TablePanel({ panel, frames, range, width, height }: Drawing) {
  const options = (panel.options ?? {}) as Options;
  const frame = frames.find(({ length }) => length > 0) ?? frames[0];
  return (
    <PanelContextProvider value={{ eventsScope: 'preview', eventBus: BUS, sync: () => DashboardCursorSync.Off }}>
      <TableNG
        data={frame!}
        width={width}
        height={height}
        noHeader={options.showHeader === false}
        cellHeight={options.cellHeight ?? TableCellHeight.Sm}
        sortBy={options.sortBy}
        sortByBehavior="initial"
        transparent={panel.transparent}
        noValue={panel.fieldConfig?.defaults.noValue}
        timeRange={range}
      />
    </PanelContextProvider>
  );
}
