import type { CodeCell } from '@jupyterlab/cells';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type {
  INotebookModel,
  Notebook,
  NotebookPanel
} from '@jupyterlab/notebook';
import type { IOutputAreaModel, OutputArea } from '@jupyterlab/outputarea';
import type { IDisposable } from '@lumino/disposable';

import { MARK, markOf } from '../notebook/mark';
import { inWorkFolder } from './places';
import { guard } from './registry';
import { Distrust } from './trust';

type NotebookContext = DocumentRegistry.IContext<INotebookModel>;

/**
 * The veil over one open notebook. It falls as soon as something in the notebook may come from a run's kernel, and
 * stays until the notebook is closed: a run is at work in it, one has left cells in it, or it lies in a folder that a
 * run's kernel can write to.
 */
export class NotebookVeil implements IDisposable {
  /**
   * @param _refused - A person has asked for trust that the veil does not give.
   */
  constructor(
    private readonly _context: NotebookContext,
    private readonly _refused: () => void
  ) {
    _context.model.sharedModel.changed.connect(this._look, this);
    _context.pathChanged.connect(this._look, this);
  }

  get isOn(): boolean {
    this._look();
    return this._distrust !== null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Have this view drawn through the veil.
   */
  cover(panel: NotebookPanel): void {
    const view = panel.content;
    this._views.add(view);
    view.disposed.connect(() => this._views.delete(view));
    guard(view.rendermime, () => this.isOn);
    this._look();
  }

  /**
   * Put it on, whatever the notebook holds.
   */
  fall(): void {
    if (!this._distrust && !this._isDisposed) {
      this._distrust = new Distrust(this._context.model, this._refused);
      this._views.forEach(drawAgain);
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._distrust?.dispose();
      this._context.pathChanged.disconnect(this._look, this);
    }
  }

  /**
   * Cells are asked once each, for this is done for every output that is drawn.
   */
  private _look(): void {
    if (this._distrust || this._isDisposed) {
      return;
    }
    if (inWorkFolder(this._context.localPath)) {
      this.fall();
      return;
    }
    for (const cell of this._context.model.sharedModel.cells) {
      if (!this._seen.has(cell)) {
        this._seen.add(cell);
        if (markOf(cell.getMetadata(MARK))) {
          this.fall();
          return;
        }
      }
    }
  }

  private _distrust: Distrust | null = null;
  private _isDisposed = false;
  private readonly _seen = new WeakSet<object>();
  private readonly _views = new Set<Notebook>();
}

/**
 * The protected half of Lab's `OutputArea` that is used here: it draws every output again without a change of the
 * document.
 */
interface IOutputAreaInside {
  onStateChanged(sender: IOutputAreaModel): void;
}

/**
 * Draw again what was drawn before the veil fell: first as nothing, for Lab keeps a renderer whose type stays.
 */
function drawAgain(view: Notebook): void {
  for (const cell of view.widgets) {
    const area = (cell as CodeCell).outputArea as OutputArea | undefined;
    if (area) {
      const inside = area as unknown as IOutputAreaInside;
      hidden(area, () => inside.onStateChanged(area.model));
      inside.onStateChanged(area.model);
    }
  }
}

function hidden({ rendermime }: OutputArea, draw: () => void): void {
  const { preferredMimeType } = rendermime;
  rendermime.preferredMimeType = () => undefined;
  try {
    draw();
  } finally {
    rendermime.preferredMimeType = preferredMimeType;
  }
}
