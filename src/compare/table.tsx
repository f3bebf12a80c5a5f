import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { columnsOf, findingsOf } from './columns';
import type { IColumn, IPlaced, IRow } from './rows';
import { asCsv, asTree, sorted } from './rows';

interface ITableProps {
  rows: readonly IRow[];
  trans: TranslationBundle;
  onOpen: (run: string) => void;
}

interface IOrder {
  readonly column: number;
  readonly descending: boolean;
}

/**
 * The runs line by line, forks below their parents until a person sorts them by a column.
 */
export function Table({ rows, trans, onOpen }: ITableProps): JSX.Element {
  const columns = React.useMemo(() => columnsOf(trans), [trans]);
  const [order, setOrder] = React.useState<IOrder | null>(null);
  const placed = order
    ? sorted(rows, columns[order.column], order.descending)
    : asTree(rows);
  const choose = (column: number): void =>
    setOrder(before =>
      before?.column !== column
        ? { column, descending: false }
        : before.descending
          ? null
          : { column, descending: true }
    );
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('Run')}</th>
            {columns.map(({ title }, at) => (
              <th key={title} scope="col" aria-sort={sortOf(order, at)}>
                <button type="button" onClick={() => choose(at)}>
                  {title}
                  <span aria-hidden>{arrowOf(order, at)}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {placed.map(({ row, depth }) => (
            <Line
              key={row.summary.id}
              {...{ row, depth, columns, trans, onOpen }}
            />
          ))}
        </tbody>
      </table>
      <button
        type="button"
        className="jp-mod-styled jp-mod-minimal ib-compare-save"
        onClick={() => save(rows, columns, trans)}
      >
        {trans.__('Download as CSV')}
      </button>
    </>
  );
}

function Line(
  props: IPlaced & {
    columns: readonly IColumn[];
    trans: TranslationBundle;
    onOpen: (run: string) => void;
  }
): JSX.Element {
  const { row, depth, columns, trans, onOpen } = props;
  const { id, experiment, forked_from: parent } = row.summary;
  const { forkedFrom } = row.state;
  return (
    <tr>
      <th scope="row" style={{ paddingLeft: 12 + 16 * depth }}>
        <button type="button" className="ib-link" onClick={() => onOpen(id)}>
          {experiment}
        </button>
        <code>{id}</code>
        {parent && (
          <span>
            {trans.__('fork of %1 after %2', parent, forkedFrom?.cellId ?? '')}
          </span>
        )}
      </th>
      {columns.map((column, at) => (
        <td key={column.title}>
          {at === FINDINGS ? (
            <ul>
              {findingsOf(row, trans).map(finding => (
                <li key={finding}>{finding}</li>
              ))}
            </ul>
          ) : (
            column.value(row)
          )}
        </td>
      ))}
    </tr>
  );
}

/**
 * Of the columns, the one with a list.
 */
const FINDINGS = 3;

function sortOf(
  order: IOrder | null,
  at: number
): 'ascending' | 'descending' | 'none' {
  return order?.column !== at
    ? 'none'
    : order.descending
      ? 'descending'
      : 'ascending';
}

function arrowOf(order: IOrder | null, at: number): string {
  return { none: '', ascending: ' ↑', descending: ' ↓' }[sortOf(order, at)];
}

function save(
  rows: readonly IRow[],
  columns: readonly IColumn[],
  trans: TranslationBundle
): void {
  const run = {
    title: trans.__('Run'),
    value: ({ summary }: IRow) => summary.id
  };
  const organism = {
    title: trans.__('Organism'),
    value: ({ summary }: IRow) => summary.experiment
  };
  const text = asCsv(rows, [run, organism, ...columns]);
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'runs.csv';
  link.click();
  URL.revokeObjectURL(url);
}
