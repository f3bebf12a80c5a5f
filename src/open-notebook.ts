import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IOpenNotebook } from './components/context';
import type { EventEntry } from './generated/api';
import type { IRunModel } from './tokens';

/**
 * The notebook in front, if any.
 */
export class OpenNotebook implements IOpenNotebook {
  constructor(private readonly _tracker: INotebookTracker | null) {
    const emit = (): void => this._changed.emit();
    _tracker?.currentChanged.connect((_, panel) => {
      panel?.context.pathChanged.connect(emit);
      emit();
    });
  }

  get path(): string | null {
    return this._tracker?.currentWidget?.context.localPath ?? null;
  }

  get changed(): ISignal<IOpenNotebook, void> {
    return this._changed;
  }

  /**
   * Bring what was typed to the server, which has a shared document's text already: saving that one from here would
   * only ask the person about the server's own last save.
   */
  async save(): Promise<void> {
    const context = this._tracker?.currentWidget?.context;
    if (context?.model.dirty && !context.model.collaborative) {
      await context.save();
    }
  }

  private readonly _changed = new Signal<IOpenNotebook, void>(this);
}

/**
 * Opens the notebooks of runs.
 */
export class RunNotebooks {
  constructor(
    private readonly _documents: IDocumentManager | null,
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _contents: Contents.IManager,
    private readonly _trans: TranslationBundle
  ) {}

  /**
   * Open the notebook as soon as it exists: the run makes it with its first cell.
   */
  async open(run: IRunModel): Promise<void> {
    const path = run.summary.notebook;
    if (path === null || !this._documents) {
      return;
    }
    await run.ready;
    const { cells, forkedFrom, status } = run.state;
    // A fork has cells from the first, and writes them when its organism has been loaded.
    const toCome =
      status === 'running' && (cells.length === 0 || forkedFrom !== null);
    if ((await this.exists(run)) || (toCome && (await this._appears(run)))) {
      const shown = this._documents.findWidget(path);
      if (shown) {
        // Notebook 7 would open what is shown once more, in another tab, and take it away here.
        this._shell.activateById(shown.id);
      } else {
        this._documents.open(path);
      }
    } else {
      Notification.warning(
        this._trans.__(
          'The notebook %1 is not there any more. The report of the run still shows its cells.',
          path
        ),
        { autoClose: 8000 }
      );
    }
  }

  async exists(run: IRunModel): Promise<boolean> {
    const path = run.summary.notebook;
    return (
      path !== null &&
      this._contents.get(path, { content: false }).then(
        // A file without content only holds the name of a notebook to come.
        file => file.size !== 0,
        () => false
      )
    );
  }

  /**
   * Whether it is made before the run ends.
   */
  private _appears(run: IRunModel): Promise<boolean> {
    return new Promise(resolve => {
      const onEvent = (_: IRunModel, { event }: EventEntry): void => {
        const ended = event.type === 'run_ended';
        // An event is out before its effect: the second cell's event tells that the first cell is written.
        const wrote =
          event.type.startsWith('cell_') || event.type === 'step_started';
        if (ended || wrote) {
          void this.exists(run).then(exists => {
            if (exists || ended) {
              run.eventReceived.disconnect(onEvent);
              resolve(exists);
            }
          });
        }
      };
      run.eventReceived.connect(onEvent);
    });
  }
}
