import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { DockPanel } from '@lumino/widgets';

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
    private readonly _holder: (run: IRunModel) => Widget | null,
    private readonly _refresh: () => Promise<void>,
    private readonly _trans: TranslationBundle
  ) {}

  /**
   * Open the notebook, or bring the tab in front that has it; one that the run is still to make is waited for.
   *
   * @param keepFocus - Let the person go on typing where they are.
   */
  async open(run: IRunModel, keepFocus = false): Promise<void> {
    if (run.summary.notebook === null || !this._documents) {
      return;
    }
    if ((await this.exists(run)) || (await this._toCome(run))) {
      // Its path may be another one meanwhile.
      this._show(run.summary.notebook, keepFocus);
      return;
    }
    const marked = this._holder(run);
    if (marked) {
      this._shell.activateById(marked.id);
    } else {
      const text = missingText(run.summary.notebook, this._trans);
      Notification.warning(text, { autoClose: 8000 });
    }
  }

  exists(run: IRunModel): Promise<boolean> {
    return isFound(run, this._contents, this._refresh);
  }

  private _show(path: string, keepFocus: boolean): void {
    const shown = this._documents?.findWidget(path);
    // Notebook 7 would open what is shown once more, in another tab, and take it away here.
    const widget =
      shown ??
      this._documents?.open(
        path,
        undefined,
        undefined,
        keepFocus ? { activate: false } : {}
      );
    const dock = widget?.parent;
    if (widget && keepFocus && dock instanceof DockPanel) {
      dock.selectWidget(widget);
      if (!dock.node.contains(document.activeElement)) {
        makeCurrent(widget);
      }
    } else if (shown) {
      this._shell.activateById(shown.id);
    }
  }

  private async _toCome(run: IRunModel): Promise<boolean> {
    await run.ready;
    const { cells, forkedFrom, status } = run.state;
    // A fork has cells from the first, and writes them when its organism has been loaded.
    const toCome =
      status === 'running' && (cells.length === 0 || forkedFrom !== null);
    return toCome && this._appears(run);
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
          void isThere(this._contents, run.summary.notebook).then(exists => {
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

/**
 * Lab's menus, and the start form, work on the document that had the focus last. The one that is seen now has it for no
 * time, so that no key is taken away.
 */
function makeCurrent({ node }: Widget): void {
  node.dispatchEvent(new FocusEvent('focus'));
  node.dispatchEvent(new FocusEvent('blur'));
}

/**
 * Whether the run's notebook is where its summary says, which may lag behind a rename: then it is asked for again.
 */
export async function isFound(
  run: IRunModel,
  contents: Contents.IManager,
  refresh: () => Promise<void>
): Promise<boolean> {
  const { notebook } = run.summary;
  if (await isThere(contents, notebook)) {
    return true;
  }
  await refresh();
  return (
    run.summary.notebook !== notebook && isThere(contents, run.summary.notebook)
  );
}

async function isThere(
  contents: Contents.IManager,
  path: string | null
): Promise<boolean> {
  if (path === null) {
    return false;
  }
  try {
    // A file without content only holds the name of a notebook to come.
    return (await contents.get(path, { content: false })).size !== 0;
  } catch {
    return false;
  }
}

/**
 * What is said of a notebook that is nowhere to be found.
 */
export function missingText(
  path: string | null,
  trans: TranslationBundle
): string {
  return path === null
    ? trans.__(
        'The notebook of this run lies outside of the folder that this server shows.'
      )
    : trans.__(
        'The notebook %1 is not there any more. The report of the run still shows its cells.',
        path
      );
}
