import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { PanelLayout } from '@lumino/widgets';
import * as React from 'react';

import { Approval } from '../components/approval';
import type { ICellServices } from '../components/context';
import { CellServicesProvider } from '../components/context';
import type { ApprovalAsked } from '../generated/events';
import type { IRunModel } from '../tokens';

/**
 * While a run is at work in a notebook, shows its question whether a cell may run in that cell's place: below the cell
 * that it changes, or at the end for a new one. It is a view and never part of the document.
 */
export class PendingCell implements IDisposable {
  constructor(
    private readonly _notebook: Notebook,
    private readonly _run: IRunModel,
    private readonly _services: ICellServices
  ) {
    _run.changed.connect(this._update, this);
    _notebook.modelChanged.connect(this._onModel, this);
    this._onModel();
    this._update();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._run.changed.disconnect(this._update, this);
    this._notebook.modelChanged.disconnect(this._onModel, this);
    this._model?.cells.changed.disconnect(this._place, this);
    this._card?.dispose();
    this._card = null;
  }

  private _onModel(): void {
    this._model?.cells.changed.disconnect(this._place, this);
    this._model = this._notebook.model;
    this._model?.cells.changed.connect(this._place, this);
    this._place();
  }

  private _update(): void {
    const { approval } = this._run.state;
    if (approval?.approval !== this._card?.asked.approval) {
      this._card?.dispose();
      this._card = approval && new Card(this._run, approval, this._services);
      this._place();
    }
  }

  private _place(): void {
    const card = this._card;
    if (!card) {
      return;
    }
    const { widgets } = this._notebook;
    const place =
      widgets.find(({ model }) => model.id === card.asked.cell_id) ??
      widgets.at(-1);
    if (place && (card.isDisposed || card.parent !== place)) {
      if (card.isDisposed) {
        // It went with the cell that it stood below.
        this._card = new Card(this._run, card.asked, this._services);
      }
      (place.layout as PanelLayout).addWidget(this._card!);
    }
  }

  private _card: Card | null = null;
  private _isDisposed = false;
  private _model: INotebookModel | null = null;
}

class Card extends ReactWidget {
  constructor(
    private readonly _run: IRunModel,
    readonly asked: ApprovalAsked,
    private readonly _services: ICellServices
  ) {
    super();
    this.addClass('ib-Pending');
    // Its keys are its own, not the notebook's.
    this.node.dataset.lmSuppressShortcuts = 'true';
  }

  protected render(): JSX.Element {
    return (
      <CellServicesProvider value={this._services}>
        <Approval run={this._run} asked={this.asked} inNotebook />
      </CellServicesProvider>
    );
  }
}
