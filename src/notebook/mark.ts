import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { CellStatus } from '../state';

/**
 * Key of the cell metadata by which a run knows its cells.
 */
export const MARK = 'interp_bench';

/**
 * What a run writes into the metadata of its cells.
 */
export interface ICellMark {
  readonly run: string;
  readonly status: 'running' | CellStatus | null;
}

/**
 * The mark in a cell's metadata, or null where a person has written the cell.
 */
export function markOf(value: unknown): ICellMark | null {
  const mark = value as ReadonlyPartialJSONObject | null | undefined;
  if (typeof mark?.run !== 'string') {
    return null;
  }
  return {
    run: mark.run,
    status: (mark.status ?? null) as ICellMark['status']
  };
}
