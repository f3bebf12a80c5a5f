import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IInvestigations, IRunModel } from '../tokens';
import { endRunning } from './running';

/**
 * An open notebook, and the run that is at work in it.
 */
export class PanelRun implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    private readonly _investigations: IInvestigations
  ) {
    _investigations.listsChanged.connect(this._bind, this);
    panel.context.pathChanged.connect(this._bind, this);
    this._bind();
    void panel.context.ready.then(() => {
      if (!this._isDisposed) {
        this._bind();
      }
    });
  }

  /**
   * The run that is at work here, or null.
   */
  get run(): IRunModel | null {
    return this._run;
  }

  /**
   * Another run is at work here, or none.
   */
  get runChanged(): ISignal<PanelRun, IRunModel | null> {
    return this._runChanged;
  }

  /**
   * `run` or its state has changed.
   */
  get changed(): ISignal<PanelRun, void> {
    return this._changed;
  }

  /**
   * A person is taken to a cell of this notebook.
   */
  readonly revealed = new Signal<PanelRun, void>(this);

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._investigations.listsChanged.disconnect(this._bind, this);
    this.panel.context.pathChanged.disconnect(this._bind, this);
    this._watch(null);
    Signal.clearData(this);
  }

  private _bind(): void {
    const { localPath } = this.panel.context;
    const found = this._investigations.liveRunOf(localPath);
    if (found) {
      this._path = localPath;
      this._watch(found);
    } else if (!this._watched || !this._follows(this._watched)) {
      this._watch(null);
    }
    // A shared document remembers what ran as its server died.
    const { model } = this.panel.content;
    if (this._watched === null && this._investigations.info && model) {
      endRunning(model);
    }
  }

  /**
   * Whether the run is still that of this notebook: the notebook was renamed, and the server has not yet said so.
   */
  private _follows(run: IRunModel): boolean {
    return isLive(run) && run.summary.notebook === this._path;
  }

  private _watch(run: IRunModel | null): void {
    if (run !== this._watched) {
      this._watched?.changed.disconnect(this._update, this);
      this._watched = run;
      run?.changed.connect(this._update, this);
      this._update();
    }
  }

  private _update(): void {
    const run = this._watched && isLive(this._watched) ? this._watched : null;
    if (run !== this._run) {
      this._run = run;
      this._runChanged.emit(run);
    }
    this._changed.emit();
  }

  private readonly _changed = new Signal<PanelRun, void>(this);
  private _isDisposed = false;
  /**
   * The notebook's path when the run was found.
   */
  private _path = '';
  private _run: IRunModel | null = null;
  private _watched: IRunModel | null = null;
  private readonly _runChanged = new Signal<PanelRun, IRunModel | null>(this);
}

/**
 * The open notebooks with the runs that are at work in them.
 */
export interface IPanelRuns extends Iterable<PanelRun> {
  of(panel: NotebookPanel): PanelRun;

  /**
   * Do something with each open notebook, those that are opened later too.
   */
  each(visit: (panelRun: PanelRun) => void): void;

  /**
   * Do something as long as a run is at work in a notebook, for each notebook.
   */
  whileRunning(
    begin: (run: IRunModel, panelRun: PanelRun) => IDisposable
  ): void;
}

export const IPanelRuns = new Token<IPanelRuns>(
  'interp-bench-ext:IPanelRuns',
  'The open notebooks with the runs that are at work in them.'
);

export class PanelRuns implements IPanelRuns {
  constructor(
    tracker: INotebookTracker,
    private readonly _investigations: IInvestigations
  ) {
    tracker.forEach(panel => this.of(panel));
    tracker.widgetAdded.connect((_, panel) => this.of(panel));
  }

  of(panel: NotebookPanel): PanelRun {
    const known = this._panelRuns.get(panel);
    if (known) {
      return known;
    }
    const panelRun = new PanelRun(panel, this._investigations);
    this._panelRuns.set(panel, panelRun);
    panel.disposed.connect(() => {
      this._panelRuns.delete(panel);
      panelRun.dispose();
    });
    this._visitors.forEach(visit => visit(panelRun));
    return panelRun;
  }

  each(visit: (panelRun: PanelRun) => void): void {
    this._visitors.push(visit);
    this._panelRuns.forEach(panelRun => visit(panelRun));
  }

  whileRunning(
    begin: (run: IRunModel, panelRun: PanelRun) => IDisposable
  ): void {
    this.each(panelRun => {
      let running: IDisposable | null = null;
      const change = (): void => {
        running?.dispose();
        running = panelRun.run && begin(panelRun.run, panelRun);
      };
      panelRun.runChanged.connect(change);
      change();
    });
  }

  [Symbol.iterator](): Iterator<PanelRun> {
    return this._panelRuns.values();
  }

  private readonly _panelRuns = new Map<NotebookPanel, PanelRun>();
  private readonly _visitors: ((panelRun: PanelRun) => void)[] = [];
}

function isLive(run: IRunModel): boolean {
  // Before its events have come, the list is all that is known of a run.
  return run.state.seq === 0
    ? run.summary.status === 'running'
    : run.state.status === 'running';
}
