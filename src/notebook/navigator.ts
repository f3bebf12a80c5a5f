import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Notebook } from '@jupyterlab/notebook';
import { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { isFound, missingText } from '../open-notebook';
import type { ICellNavigator, IRunModel } from '../tokens';
import { MARK, markOf } from './mark';
import type { IPanelRuns, PanelRun } from './panels';
import { bringIntoView } from './scroll';

/**
 * How long a cell that was just announced may take to appear in the notebook.
 */
const APPEARS_MS = 3000;

const FLASH_MS = 1600;
const TYPING_MS = 250;

export class CellNavigator implements ICellNavigator {
  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _documents: IDocumentManager,
    private readonly _contents: Contents.IManager,
    private readonly _panelRuns: IPanelRuns,
    private readonly _refresh: () => Promise<void>,
    private readonly _trans: TranslationBundle
  ) {
    _panelRuns.each(panelRun => this._listen(panelRun));
  }

  get changed(): ISignal<ICellNavigator, void> {
    return this._changed;
  }

  async reveal(
    run: IRunModel,
    cellId: string,
    { keepFocus = false }: { keepFocus?: boolean } = {}
  ): Promise<void> {
    const focused = document.activeElement;
    const panel = this._panelOf(run) ?? (await this._found(run));
    if (!panel) {
      return;
    }
    this._shell.activateById(panel.id);
    await panel.context.ready;
    await panel.revealed;
    this._panelRuns.of(panel).revealed.emit();
    const cell = await cellWhenThere(panel, cellId);
    if (panel.isDisposed) {
      return;
    }
    if (!cell) {
      Notification.warning(
        this._trans.__(
          'Cell %1 is no longer in the notebook %2.',
          cellId,
          panel.context.localPath
        ),
        { autoClose: 5000 }
      );
      return;
    }
    await show(panel.content, cell);
    if (keepFocus && focused instanceof HTMLElement) {
      // Keys that were meant for the slider would delete cells of the notebook.
      focused.focus({ preventScroll: true });
    }
  }

  holder(run: IRunModel): NotebookPanel | null {
    return this._panelOf(run) ?? this._marked(run);
  }

  isStale(run: IRunModel, cellId: string): boolean {
    const model = this.holder(run)?.content.model;
    const known = run.state.cells.find(cell => cell.id === cellId);
    if (!model || !known) {
      return false;
    }
    const edited = known.status === null && known.executionCount !== null;
    const open = model.sharedModel.cells.find(cell => cell.getId() === cellId);
    return edited || (!!open && open.getSource() !== known.source);
  }

  private _panelOf(run: IRunModel): NotebookPanel | null {
    let found: NotebookPanel | null = null;
    for (const { panel, run: bound } of this._panelRuns) {
      if (bound?.id === run.id) {
        return panel;
      }
      if (panel.context.localPath === run.summary.notebook) {
        found = panel;
      }
    }
    return found;
  }

  /**
   * An open notebook with cells of the run: a copy of its notebook, or the notebook under a name that nobody told.
   */
  private _marked(run: IRunModel): NotebookPanel | null {
    const panels = [...this._panelRuns].map(({ panel }) => panel);
    const hasCells = ({ content }: NotebookPanel): boolean =>
      [...(content.model?.cells ?? [])].some(
        cell => markOf(cell.getMetadata(MARK))?.run === run.id
      );
    return panels.find(hasCells) ?? null;
  }

  /**
   * The run's notebook, opened; null where it opens in another tab of the browser, or is nowhere, which is said.
   */
  private async _found(run: IRunModel): Promise<NotebookPanel | null> {
    const found = await isFound(run, this._contents, this._refresh);
    const { notebook } = run.summary;
    if (found && notebook !== null) {
      const opened = this._documents.openOrReveal(notebook);
      return opened instanceof NotebookPanel ? opened : null;
    }
    const marked = this._marked(run);
    if (!marked) {
      Notification.warning(missingText(notebook, this._trans), {
        autoClose: 8000
      });
    }
    return marked;
  }

  private _listen(panelRun: PanelRun): void {
    const { context, content } = panelRun.panel;
    const typing = new Debouncer(() => this._changed.emit(), TYPING_MS);
    const emit = (): void => void typing.invoke();
    void context.ready.then(() => {
      content.model?.contentChanged.connect(emit);
      emit();
    });
    panelRun.panel.disposed.connect(emit);
  }

  private readonly _changed = new Signal<ICellNavigator, void>(this);
}

/**
 * The cell with this nbformat id, waiting a little for one that is on its way.
 */
async function cellWhenThere(
  panel: NotebookPanel,
  cellId: string
): Promise<Cell | undefined> {
  const { content } = panel;
  const find = (): Cell | undefined =>
    content.widgets.find(cell => cell.model.id === cellId);
  const cells = content.model?.cells;
  if (find() || !cells) {
    return find();
  }
  return new Promise(resolve => {
    const done = (): void => {
      cells.changed.disconnect(look);
      clearTimeout(timer);
      resolve(panel.isDisposed ? undefined : find());
    };
    const look = (): void => {
      if (find()) {
        done();
      }
    };
    const timer = setTimeout(done, APPEARS_MS);
    cells.changed.connect(look);
  });
}

async function show(notebook: Notebook, cell: Cell): Promise<void> {
  notebook.deselectAll();
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  if (!(await bringIntoView(notebook, cell, 'start'))) {
    return;
  }
  const { classList } = cell.node;
  classList.add('ib-mod-flash');
  setTimeout(() => classList.remove('ib-mod-flash'), FLASH_MS);
}
