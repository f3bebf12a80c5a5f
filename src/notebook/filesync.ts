import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventEntry } from '../generated/api';
import type { IRunModel } from '../tokens';
import { applyMerge } from './apply';
import { Baseline } from './baseline';
import { Poller } from './poller';
import { MARK, markOf } from './mark';
import type { IPlainCell } from './merge';
import { mergeCells, plainCell, plainCells, sameCell } from './merge';
import { OpenFile } from './openfile';
import { endRunning, isRunByPerson } from './running';
import { keepInView, keepPlace } from './scroll';

/**
 * Events that precede a change of the notebook.
 */
const WRITING = new Set<EventEntry['event']['type']>([
  'cell_added',
  'cell_edited',
  'cell_started',
  'cell_output',
  'cell_outputs_cleared',
  'cell_finished',
  'run_resumed',
  'run_forked',
  'run_ended'
]);

/**
 * Without collaboration the server writes a run's cells into the file of the notebook. This takes them over into the
 * open notebook, cell by cell, beside what the person edits and runs there.
 */
export class FileSync implements IDisposable {
  /**
   * @param _views - The notebook's views that are open at this moment.
   */
  constructor(
    private readonly _context: DocumentRegistry.IContext<INotebookModel>,
    contents: Contents.IManager,
    private readonly _views: () => Notebook[]
  ) {
    this._file = new OpenFile(_context, contents);
    _context.saveState.connect(this._onSave, this);
    _context.disposed.connect(() => this.dispose());
  }

  /**
   * Cells of the agent whose text was changed here and in the file; the open notebook shows the person's.
   */
  get conflicts(): ReadonlyMap<string, string> {
    return this._conflicts;
  }

  /**
   * Whether the file holds changes that can be taken over only after the person has saved or reverted.
   */
  get blocked(): boolean {
    return this._blocked;
  }

  /**
   * `conflicts` or `blocked` has changed.
   */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._setRun(null);
    this._stop();
    Signal.clearData(this);
  }

  /**
   * Follow what this run writes, until each of those who asked for it disposes of what is returned, and the last
   * changes are in.
   */
  follow(run: IRunModel): IDisposable {
    const follower = new DisposableDelegate(() => {
      this._followers.delete(follower);
      if (this._followers.size === 0) {
        this._setRun(null);
      }
    });
    this._followers.add(follower);
    this._settling ??= this._file.settleConflicts(
      () => this._settleSave(),
      () => this._baseline.endSave(false)
    );
    this._setRun(run);
    return follower;
  }

  /**
   * In these cells the person's text stands: it goes into the file, where the agent finds it.
   */
  async keepOwn(): Promise<void> {
    await this._context.save();
  }

  /**
   * In these cells the file's text stands.
   */
  takeFiles(): void {
    const { sharedModel } = this._context.model;
    sharedModel.transact(() => {
      for (const cell of sharedModel.cells) {
        const source = this._conflicts.get(cell.getId());
        if (source !== undefined) {
          cell.setSource(source);
        }
      }
    });
    this._setProblem(new Map(), this._blocked);
  }

  /**
   * Load the file in place of the open notebook.
   */
  async revert(): Promise<void> {
    this._baseline.forget();
    await this._context.revert();
    this._setProblem(new Map(), false);
    this._poller.soon();
  }

  private _setRun(run: IRunModel | null): void {
    this._run?.eventReceived.disconnect(this._onEvent, this);
    this._run = run;
    run?.eventReceived.connect(this._onEvent, this);
    this._poller.soon();
  }

  private _onEvent(_: IRunModel, { event }: EventEntry): void {
    if (WRITING.has(event.type)) {
      this._poller.soon();
    }
  }

  private async _look(): Promise<boolean> {
    try {
      return await this._takeOver();
    } catch (error) {
      if (!isRequestError(error)) {
        throw error;
      }
      // The server is away, or the file is: there will be another look.
      return false;
    }
  }

  /**
   * A run that has ended is let go of once its last changes are in.
   */
  private _onQuiet(): void {
    if (!this._run) {
      endRunning(this._context.model);
      this._stop();
    }
  }

  private _stop(): void {
    this._poller.stop();
    this._settling?.dispose();
    this._settling = null;
    this._baseline.forget();
  }

  /**
   * Bring the open notebook up to the file. Not while Lab saves: it has already decided what to write.
   */
  private async _takeOver(): Promise<boolean> {
    await this._context.ready;
    if (this._isBusy()) {
      return false;
    }
    if (!this._baseline.cells && !this._context.model.dirty) {
      const modified = this._file.known?.last_modified ?? '';
      this._baseline.agree(this._snapshot(), modified);
    }
    const modified = await this._file.lastModified();
    if (modified === this._baseline.modified) {
      return false;
    }
    const file = await this._file.read();
    return !this._isBusy() && this._merge(file);
  }

  private _isBusy(): boolean {
    return this._isDisposed || this._baseline.isSaving;
  }

  /**
   * A save has met a newer file.
   */
  private async _settleSave(): Promise<boolean> {
    const merged = this._merge(await this._file.read());
    if (merged) {
      this._baseline.beginSave(this._snapshot());
    }
    return merged;
  }

  private _merge(file: Contents.IModel): boolean {
    const model = this._context.model;
    const notebook = file.content as Content;
    const cells = plainCells(notebook);
    // Before format 4.5 cells have no ids in the file, so the ones here are not those that the server chose.
    const upgraded = model.nbformatMinor < 5 && notebook.nbformat_minor >= 5;
    const shared = new Map(
      model.sharedModel.cells.map(cell => [cell.getId(), cell])
    );
    const merge = mergeCells({
      base: this._baseline.cells ?? this._guessBase(file, cells),
      file: cells,
      open: {
        ids: [...shared.keys()],
        cell: id => {
          const cell = shared.get(id);
          return cell && plainCell(id, cell.toJSON());
        }
      },
      beforeSave: this._baseline.beforeSave,
      isRunning: id => isRunByPerson(shared.get(id))
    });
    if (upgraded || merge.reordered) {
      const open = [...shared].map(([id, cell]) =>
        plainCell(id, cell.toJSON())
      );
      const untouched = !model.dirty || sameExceptIds(open, cells);
      if (!untouched || [...shared.values()].some(isRunByPerson)) {
        this._setProblem(this._conflicts, true);
        return false;
      }
      keepPlace(this._views(), () => model.fromJSON(notebook));
    } else {
      keepInView(this._views(), () =>
        applyMerge(model, merge, id => isRunByPerson(shared.get(id)))
      );
    }
    this._baseline.agree(cells, file.last_modified);
    this._file.accept(file);
    const conflicts = new Map([...this._conflicts, ...merge.conflicts]);
    this._setProblem(conflicts, false);
    return true;
  }

  /**
   * The file is not what it was when Lab loaded it, and the person has edited since: all that the agent has not
   * written is taken for unchanged in the file.
   */
  private _guessBase(file: Contents.IModel, cells: IPlainCell[]): IPlainCell[] {
    const { known } = this._file;
    const same = known?.hash
      ? known.hash === file.hash
      : known?.last_modified === file.last_modified;
    return same ? cells : cells.filter(cell => !markOf(cell.metadata[MARK]));
  }

  private _onSave(
    _: DocumentRegistry.IContext<INotebookModel>,
    state: DocumentRegistry.SaveState
  ): void {
    if (!this._settling) {
      return;
    }
    if (state === 'started') {
      this._baseline.beginSave(this._snapshot());
      return;
    }
    this._baseline.endSave(state === 'completed');
    if (state === 'completed') {
      this._setProblem(new Map(), false);
      this._poller.soon();
    }
  }

  private _snapshot(): IPlainCell[] {
    return plainCells(this._context.model.toJSON() as Content);
  }

  private _setProblem(conflicts: Map<string, string>, blocked: boolean): void {
    const { cells } = this._context.model.sharedModel;
    const open = new Map(cells.map(cell => [cell.getId(), cell.getSource()]));
    for (const [id, source] of conflicts) {
      if (!open.has(id) || open.get(id) === source) {
        conflicts.delete(id);
      }
    }
    const before = [...this._conflicts.keys(), this._blocked].join();
    this._conflicts = conflicts;
    this._blocked = blocked;
    if (before !== [...conflicts.keys(), blocked].join()) {
      this._changed.emit();
    }
  }

  private readonly _file: OpenFile;
  private readonly _baseline = new Baseline();
  private readonly _changed = new Signal<this, void>(this);
  private _blocked = false;
  private _conflicts = new Map<string, string>();
  private readonly _followers = new Set<IDisposable>();
  private _isDisposed = false;
  private readonly _poller = new Poller(
    () => this._look(),
    () => this._onQuiet()
  );
  private _run: IRunModel | null = null;
  private _settling: IDisposable | null = null;
}

type Content = nbformat.INotebookContent;

/**
 * Whether the file has the same cells under other ids, beside those of runs.
 */
function sameExceptIds(
  open: readonly IPlainCell[],
  file: readonly IPlainCell[]
): boolean {
  const others = file.filter(cell => !markOf(cell.metadata[MARK]));
  return (
    others.length === open.length &&
    others.every((cell, index) => sameCell(cell, open[index]))
  );
}

function isRequestError(error: unknown): boolean {
  return (
    error instanceof ServerConnection.NetworkError ||
    error instanceof ServerConnection.ResponseError
  );
}
