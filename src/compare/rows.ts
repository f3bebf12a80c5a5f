import type { RunSummary } from '../generated/api';
import type { RunState } from '../state';

/**
 * A run that is compared.
 */
export interface IRow {
  readonly summary: RunSummary;
  readonly state: RunState;
}

/**
 * What a column says of a run, for the table, for sorting and for a file.
 */
export interface IColumn {
  readonly title: string;
  readonly value: (row: IRow) => string | number;
}

export interface IPlaced {
  readonly row: IRow;
  /**
   * How many of the compared runs it descends from.
   */
  readonly depth: number;
}

/**
 * Runs in their order, each fork below the run that it began as a copy of.
 */
export function asTree(rows: readonly IRow[]): IPlaced[] {
  const ids = new Set(rows.map(({ summary }) => summary.id));
  const below = (parent: string | null, depth: number): IPlaced[] =>
    rows
      .filter(({ summary: { forked_from: from } }) =>
        parent === null ? !from || !ids.has(from) : from === parent
      )
      .flatMap(row => [{ row, depth }, ...below(row.summary.id, depth + 1)]);
  return below(null, 0);
}

/**
 * Runs by what a column says, text without regard to case.
 */
export function sorted(
  rows: readonly IRow[],
  { value }: IColumn,
  descending: boolean
): IPlaced[] {
  const order = (one: IRow, other: IRow): number => {
    const [a, b] = [value(one), value(other)];
    const less =
      typeof a === 'number' && typeof b === 'number'
        ? a - b
        : String(a).localeCompare(String(b), undefined, { numeric: true });
    return descending ? -less : less;
  };
  return [...rows].sort(order).map(row => ({ row, depth: 0 }));
}

/**
 * All of it as a file that spreadsheets read. A claim that begins like a formula stays text.
 */
export function asCsv(
  rows: readonly IRow[],
  columns: readonly IColumn[]
): string {
  const quoted = (value: string | number): string => {
    const text = String(value);
    const harmless =
      typeof value === 'string' && /^[=+\-@\t\r]/.test(text)
        ? `'${text}`
        : text;
    return /[",\r\n]/.test(harmless)
      ? `"${harmless.replace(/"/g, '""')}"`
      : harmless;
  };
  return [
    columns.map(({ title }) => title),
    ...rows.map(row => columns.map(({ value }) => value(row)))
  ]
    .map(line => `${line.map(quoted).join(',')}\r\n`)
    .join('');
}

export interface IPair {
  readonly id: string;
  /**
   * Code on each side; null where that run has no such cell.
   */
  readonly left: string | null;
  readonly right: string | null;
}

/**
 * The code cells of two runs side by side, by their ids: those of a fork are its parent's up to where they part.
 */
export function paired(left: RunState, right: RunState): IPair[] {
  const code = ({ cells }: RunState): Map<string, string> =>
    new Map(
      cells
        .filter(({ kind }) => kind === 'code')
        .map(({ id, source }) => [id, source])
    );
  const [one, other] = [code(left), code(right)];
  return [...new Set([...one.keys(), ...other.keys()])]
    .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
    .map(id => ({
      id,
      left: one.get(id) ?? null,
      right: other.get(id) ?? null
    }));
}
