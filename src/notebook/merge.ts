import type * as nbformat from '@jupyterlab/nbformat';
import { JSONExt } from '@lumino/coreutils';
import type { PartialJSONObject, PartialJSONValue } from '@lumino/coreutils';

import { MARK } from './mark';

/**
 * A cell of a notebook as JSON, with its text in one string.
 */
export interface IPlainCell {
  readonly id: string;
  readonly cell_type: string;
  readonly source: string;
  readonly metadata: PartialJSONObject;
  readonly outputs: readonly nbformat.IOutput[];
  readonly execution_count: number | null;
  readonly attachments: PartialJSONObject | null;
}

/**
 * What one cell of the open notebook takes over from the file.
 */
export interface ICellPatch {
  readonly id: string;
  readonly source?: string;
  readonly results?: {
    readonly outputs: readonly nbformat.IOutput[];
    readonly executionCount: number | null;
  };
  readonly attachments?: PartialJSONObject | null;
  /**
   * The run's mark; null removes it.
   */
  readonly mark?: PartialJSONValue;
}

interface IInsertion {
  /**
   * Id of the cell that it follows; null puts it first.
   */
  readonly after: string | null;
  readonly cell: IPlainCell;
}

export interface IMerge {
  readonly patches: readonly ICellPatch[];
  readonly insertions: readonly IInsertion[];
  readonly removals: readonly string[];
  /**
   * Cells whose text was changed on both sides, with the file's text; the open notebook keeps its own.
   */
  readonly conflicts: ReadonlyMap<string, string>;
  /**
   * Whether the open notebook has something that the file does not have.
   */
  readonly ahead: boolean;
  /**
   * Whether somebody has put the file's cells into another order.
   */
  readonly reordered: boolean;
}

/**
 * The cells of the open notebook; only those that matter are asked for.
 */
interface IOpenCells {
  readonly ids: readonly string[];
  cell(id: string): IPlainCell | undefined;
}

interface IVersions {
  /**
   * What the file was when open notebook and file last agreed.
   */
  readonly base: readonly IPlainCell[];
  readonly file: readonly IPlainCell[];
  readonly open: IOpenCells;
  /**
   * Cells that the last save from here has changed, as they were before it; null for new ones. A file that has them
   * again was read by its writer before that save: it takes nothing back.
   */
  readonly beforeSave: ReadonlyMap<string, IPlainCell | null>;
  /**
   * Whether the person is running this cell, so that its results come from there.
   */
  isRunning(id: string): boolean;
}

/**
 * The cells of a notebook's JSON; of cells that share an id the first one counts.
 */
export function plainCells(notebook: nbformat.INotebookContent): IPlainCell[] {
  const found = new Map<string, IPlainCell>();
  for (const cell of notebook.cells) {
    const id = String(cell.id ?? '');
    if (id && !found.has(id)) {
      found.set(id, plainCell(id, cell));
    }
  }
  return [...found.values()];
}

export function plainCell(id: string, cell: nbformat.ICell): IPlainCell {
  const { source } = cell;
  return {
    id,
    cell_type: String(cell.cell_type),
    source: Array.isArray(source) ? source.join('') : source,
    metadata: cell.metadata,
    outputs: (cell.outputs ?? []) as nbformat.IOutput[],
    execution_count: (cell.execution_count ?? null) as number | null,
    attachments: (cell.attachments ?? null) as PartialJSONObject | null
  };
}

export function sameCell(a: IPlainCell, b: IPlainCell): boolean {
  return (
    a.cell_type === b.cell_type &&
    a.source === b.source &&
    equal(resultsOf(a), resultsOf(b)) &&
    equal(a.attachments, b.attachments)
  );
}

/**
 * Three-way merge by cell id: what has changed in the file only is taken over, what has changed in the open notebook
 * stays, and no text is lost.
 */
export function mergeCells(versions: IVersions): IMerge {
  const merge = new Merge(versions);
  versions.file.forEach(cell => merge.takeIn(cell));
  versions.open.ids.forEach(id => merge.settleMissing(id));
  return merge;
}

class Merge implements IMerge {
  constructor(versions: IVersions) {
    this._versions = versions;
    this._base = byId(versions.base);
    this._file = byId(versions.file);
    this._open = new Set(versions.open.ids);
    this.reordered = !sameOrder(versions.base, versions.file);
  }

  readonly patches: ICellPatch[] = [];
  readonly insertions: IInsertion[] = [];
  readonly removals: string[] = [];
  readonly conflicts = new Map<string, string>();
  readonly reordered: boolean;
  ahead = false;

  /**
   * Decide about a cell of the file; cells come in its order.
   */
  takeIn(file: IPlainCell): void {
    const { id } = file;
    const base = this._base.get(id);
    const before = this._versions.beforeSave.get(id);
    if (before && sameCell(file, before)) {
      this.ahead = true;
    } else if (!base || !sameCell(base, file) || !sameMark(base, file)) {
      this._takeChange(base, file);
      this._previous = id;
      return;
    }
    // Unchanged in the file; it may have been deleted here.
    this._previous = this._open.has(id) ? id : this._previous;
  }

  /**
   * Decide about a cell of the open notebook that the file may not have.
   */
  settleMissing(id: string): void {
    if (this._file.has(id)) {
      return;
    }
    const justSaved = this._versions.beforeSave.get(id) === null;
    const base = this._base.get(id);
    const open = this._versions.open.cell(id);
    if (
      !justSaved &&
      base &&
      open &&
      sameCell(base, open) &&
      !this._versions.isRunning(id)
    ) {
      this.removals.push(id);
    } else {
      this.ahead = true;
    }
  }

  private _takeChange(base: IPlainCell | undefined, file: IPlainCell): void {
    const { id } = file;
    const open = this._versions.open.cell(id);
    if (open?.cell_type === file.cell_type) {
      this._merge(base, file, open);
    } else if (open && base?.cell_type !== open.cell_type) {
      this.ahead = true;
    } else {
      if (open) {
        this.removals.push(id);
      }
      this.insertions.push({ after: this._previous, cell: file });
    }
  }

  private _merge(
    base: IPlainCell | undefined,
    file: IPlainCell,
    open: IPlainCell
  ): void {
    const source = winner(base?.source, file.source, open.source);
    const results = this._winnerOfResults(base, file, open);
    const attachments = winner(
      base?.attachments,
      file.attachments,
      open.attachments
    );
    if (source === 'both') {
      this.conflicts.set(open.id, file.source);
    }
    const patch: ICellPatch = {
      id: open.id,
      ...(source === 'file' && { source: file.source }),
      ...(results === 'file' && {
        results: {
          outputs: file.outputs,
          executionCount: file.execution_count
        }
      }),
      ...(attachments === 'file' && { attachments: file.attachments }),
      ...(!sameMark(file, open) && { mark: file.metadata[MARK] ?? null })
    };
    if (Object.keys(patch).length > 1) {
      this.patches.push(patch);
    }
    this.ahead ||= [source, results, attachments].some(
      side => side === 'open' || side === 'both'
    );
  }

  private _winnerOfResults(
    base: IPlainCell | undefined,
    file: IPlainCell,
    open: IPlainCell
  ): Side {
    if (this._versions.isRunning(open.id)) {
      return 'open';
    }
    const side = winner(
      base && resultsOf(base),
      resultsOf(file),
      resultsOf(open)
    );
    // The agent writes the results of its cells, the person those of the others.
    return side === 'both' && file.metadata[MARK] ? 'file' : side;
  }

  private readonly _versions: IVersions;
  private readonly _base: ReadonlyMap<string, IPlainCell>;
  private readonly _file: ReadonlyMap<string, IPlainCell>;
  private readonly _open: ReadonlySet<string>;
  private _previous: string | null = null;
}

type Side = 'same' | 'file' | 'open' | 'both';

/**
 * Whose value counts; `both` when each side has changed it in its own way.
 */
function winner(base: unknown, file: unknown, open: unknown): Side {
  if (equal(file, open)) {
    return 'same';
  }
  if (base !== undefined && equal(base, file)) {
    return 'open';
  }
  return base !== undefined && equal(base, open) ? 'file' : 'both';
}

function sameMark(a: IPlainCell, b: IPlainCell): boolean {
  return equal(a.metadata[MARK], b.metadata[MARK]);
}

function sameOrder(
  base: readonly IPlainCell[],
  file: readonly IPlainCell[]
): boolean {
  const inBase = new Set(base.map(cell => cell.id));
  const inFile = new Set(file.map(cell => cell.id));
  const known = file.filter(cell => inBase.has(cell.id));
  return base
    .filter(cell => inFile.has(cell.id))
    .every((cell, index) => cell.id === known[index].id);
}

function resultsOf(cell: IPlainCell): unknown {
  return [cell.outputs, cell.execution_count];
}

function byId(cells: readonly IPlainCell[]): Map<string, IPlainCell> {
  return new Map(cells.map(cell => [cell.id, cell]));
}

function equal(a: unknown, b: unknown): boolean {
  return JSONExt.deepEqual(
    (a ?? null) as PartialJSONValue,
    (b ?? null) as PartialJSONValue
  );
}
