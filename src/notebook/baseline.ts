import type { IPlainCell } from './merge';
import { sameCell } from './merge';

/**
 * What open notebook and file last agreed on, also while the open notebook is being saved.
 */
export class Baseline {
  /**
   * The cells that both had; null: not known yet.
   */
  get cells(): readonly IPlainCell[] | null {
    return this._cells;
  }

  /**
   * When the file was written that has these cells; empty when that is not known.
   */
  get modified(): string {
    return this._modified;
  }

  /**
   * Cells that the last save from here has changed, as they were before it; null for new ones.
   */
  get beforeSave(): ReadonlyMap<string, IPlainCell | null> {
    return this._beforeSave;
  }

  get isSaving(): boolean {
    return this._saving !== null;
  }

  /**
   * Both have these cells.
   */
  agree(cells: readonly IPlainCell[], modified: string): void {
    this._cells = cells;
    this._modified = modified;
    // A save that the file shows can no longer be undone by somebody who had read the file before it.
    const found = new Map(cells.map(cell => [cell.id, cell]));
    for (const [id, before] of this._beforeSave) {
      if (!sameState(found.get(id) ?? null, before)) {
        this._beforeSave.delete(id);
      }
    }
  }

  forget(): void {
    this._cells = null;
    this._modified = '';
  }

  /**
   * The open notebook is being saved as this.
   */
  beginSave(cells: readonly IPlainCell[]): void {
    this._saving = cells;
  }

  /**
   * @param done - Whether it was written.
   */
  endSave(done: boolean): void {
    if (done && this._saving && this._cells) {
      this._beforeSave = changedCells(this._cells, this._saving);
      this._cells = this._saving;
    }
    if (done) {
      this._modified = '';
    }
    this._saving = null;
  }

  private _beforeSave = new Map<string, IPlainCell | null>();
  private _cells: readonly IPlainCell[] | null = null;
  private _modified = '';
  private _saving: readonly IPlainCell[] | null = null;
}

function changedCells(
  before: readonly IPlainCell[],
  after: readonly IPlainCell[]
): Map<string, IPlainCell | null> {
  const old = new Map(before.map(cell => [cell.id, cell]));
  const changed = new Map<string, IPlainCell | null>();
  for (const cell of after) {
    const was = old.get(cell.id) ?? null;
    if (!sameState(cell, was)) {
      changed.set(cell.id, was);
    }
    old.delete(cell.id);
  }
  old.forEach((cell, id) => changed.set(id, cell));
  return changed;
}

function sameState(a: IPlainCell | null, b: IPlainCell | null): boolean {
  return a && b ? sameCell(a, b) : a === b;
}
