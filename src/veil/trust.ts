import type { ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import type { Signal } from '@lumino/signaling';

/**
 * The private half of Lab's models that is used here. Their public setter writes all outputs of the cell into the
 * document again, which doubles them where two browsers do so at once.
 */
interface IInside {
  _trusted: boolean;
  stateChanged: Signal<ICellModel, object>;
}

/**
 * Keeps the cells of a notebook untrusted, whoever trusts them: Lab does when a person runs a cell, and when a person
 * asks for it.
 *
 * The document says the same, so that nobody signs it as trusted when it is saved.
 */
export class Distrust implements IDisposable {
  /**
   * @param _refused - A person has asked for trust in a cell that has outputs.
   */
  constructor(
    private readonly _model: INotebookModel,
    private readonly _refused: () => void
  ) {
    _model.cells.changed.connect(this._onCells, this);
    this._onCells();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._model.cells?.changed.disconnect(this._onCells, this);
      this._watched.forEach(cell =>
        cell.stateChanged.disconnect(this._onState, this)
      );
    }
  }

  private _onCells(): void {
    for (const cell of this._model.cells) {
      if (isCodeCellModel(cell) && !this._watched.has(cell)) {
        this._watched.add(cell);
        cell.stateChanged.connect(this._onState, this);
        this._distrust(cell);
      }
    }
    this._watched.forEach(cell => {
      if (cell.isDisposed) {
        this._watched.delete(cell);
      }
    });
  }

  private _onState(cell: ICellModel, change: { name?: string }): void {
    if (change.name === 'trusted' && cell.trusted) {
      this._distrust(cell as ICodeCellModel);
      if ((cell as ICodeCellModel).outputs.length > 0) {
        this._refused();
      }
    }
  }

  private _distrust(cell: ICodeCellModel): void {
    const { sharedModel } = cell;
    if (sharedModel.getMetadata('trusted') === true) {
      const { collaborative, dirty } = this._model;
      // Neither a step that a person can undo nor an edit.
      sharedModel.transact(() => {
        sharedModel.deleteMetadata('trusted');
        if (!collaborative) {
          this._model.dirty = dirty;
        }
      }, false);
    }
    if (cell.trusted) {
      const inside = cell as unknown as IInside;
      inside._trusted = false;
      (cell.outputs as unknown as IInside)._trusted = false;
      inside.stateChanged.emit({
        name: 'trusted',
        oldValue: true,
        newValue: false
      });
    }
  }

  private _isDisposed = false;
  private readonly _watched = new Set<ICodeCellModel>();
}
