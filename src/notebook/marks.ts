import type { Cell } from '@jupyterlab/cells';
import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ICellState } from '../state';
import type { ICellMark } from './mark';
import { MARK, markOf } from './mark';
import type { PanelRun } from './panels';

type Status = ICellMark['status'];

/**
 * Shows which cells of an open notebook a run has written: a slim edge and a small mark in the corner. They are drawn
 * into the cell's own node, so they are there as soon as the notebook shows the cell.
 */
export class CellMarks {
  constructor(
    private readonly _panelRun: PanelRun,
    private readonly _trans: TranslationBundle
  ) {
    this._notebook = _panelRun.panel.content;
    this._notebook.modelChanged.connect(this._onModel, this);
    this._onModel();
    _panelRun.changed.connect(this._onRun, this);
  }

  private _onModel(): void {
    this._model = this._notebook.model;
    this._model?.cells.changed.connect(this._onCells, this);
    this._onCells();
  }

  private _onCells(): void {
    for (const cell of this._notebook.widgets) {
      if (!this._marked.has(cell)) {
        this._marked.add(cell);
        cell.model.metadataChanged.connect((_, { key }) => {
          if (key === MARK) {
            this._draw(cell);
          }
        });
        cell.model.sharedModel.changed.connect((_, { sourceChange }) => {
          if (sourceChange) {
            this._draw(cell);
          }
        });
        this._draw(cell);
      }
    }
  }

  private _onRun(): void {
    const cells = this._panelRun.run?.state.cells ?? null;
    // What streams changes the run's state many times a second, but not its cells.
    if (cells !== this._drawn) {
      this._drawn = cells;
      this._notebook.widgets.forEach(cell => this._draw(cell));
    }
  }

  private _draw(cell: Cell): void {
    const mark = markOf(cell.model.getMetadata(MARK));
    const found = cell.node.querySelector<HTMLElement>(':scope > .ib-CellMark');
    if (!mark) {
      found?.remove();
      return;
    }
    const node = found ?? cell.node.appendChild(newMark());
    if (isReason(cell.model.id)) {
      this._drawReason(cell, node);
    } else {
      this._drawStep(cell, mark, node);
    }
  }

  private _drawStep(cell: Cell, mark: ICellMark, node: HTMLElement): void {
    const known = this._known(cell.model.id, mark);
    const status = statusOf(known, mark);
    const [state, spoken] = known?.changedLate
      ? this._changedLate()
      : this._words(status);
    node.dataset.status = known?.changedLate
      ? 'changed'
      : (status ?? 'written');
    const edited = known && cell.model.sharedModel.getSource() !== known.source;
    node.setAttribute(
      'aria-label',
      edited ? this._trans.__('%1, edited since', spoken) : spoken
    );
    node.firstElementChild!.textContent = [
      this._trans.__('agent'),
      shortId(cell.model.id),
      state,
      edited ? this._trans.__('edited') : ''
    ]
      .filter(part => part !== '')
      .join(' · ');
  }

  /**
   * The line above a step is as quiet as it can be: an edge, and no words beside its own.
   */
  private _drawReason(cell: Cell, mark: HTMLElement): void {
    cell.addClass('ib-mod-reason');
    mark.dataset.status = 'written';
    mark.setAttribute(
      'aria-label',
      this._trans.__('What the agent said before the next cell')
    );
  }

  /**
   * The cell as the run that is at work knows it.
   */
  private _known(cellId: string, mark: ICellMark): ICellState | undefined {
    const { run } = this._panelRun;
    return run?.id === mark.run
      ? run.state.cells.find(cell => cell.id === cellId)
      : undefined;
  }

  private _changedLate(): [string, string] {
    return [
      this._trans.__('output changed later'),
      this._trans.__(
        'Written by the agent, its output changed after it had ended'
      )
    ];
  }

  /**
   * What the mark shows beside the cell's id, by which the sidebar's links call it, and what a screen reader says.
   */
  private _words(status: Status): [string, string] {
    const trans = this._trans;
    switch (status) {
      case 'running':
        return [trans.__('running'), trans.__('Written by the agent, running')];
      case 'error':
        return [
          trans.__('error'),
          trans.__('Written by the agent, ended with an error')
        ];
      case 'interrupted':
        return [
          trans.__('interrupted'),
          trans.__('Written by the agent, interrupted')
        ];
      case 'timeout':
        return [
          trans.__('out of time'),
          trans.__('Written by the agent, ran out of time')
        ];
      case 'kernel_died':
        return [
          trans.__('kernel died'),
          trans.__('Written by the agent, the kernel died')
        ];
      default:
        return ['', trans.__('Written by the agent')];
    }
  }

  private _drawn: unknown = null;
  private readonly _marked = new WeakSet<Cell>();
  private _model: INotebookModel | null = null;
  private readonly _notebook: Notebook;
}

/**
 * The run knows best; a cell that runs by its mark while no run is at work was cut off.
 */
function statusOf(known: ICellState | undefined, mark: ICellMark): Status {
  if (known && (known.status !== null || mark.status === 'running')) {
    return known.status;
  }
  return mark.status === 'running' ? 'interrupted' : mark.status;
}

function newMark(): HTMLElement {
  const mark = document.createElement('div');
  mark.className = 'ib-CellMark';
  mark.setAttribute('role', 'note');
  const label = document.createElement('span');
  label.className = 'ib-CellMark-label';
  label.setAttribute('aria-hidden', 'true');
  mark.append(label);
  return mark;
}

/**
 * Whether it is the text above a step, see notebook/reason.py.
 */
export function isReason(cellId: string): boolean {
  return /^why-[0-9a-f]{8}-/.test(cellId);
}

/**
 * An id without the run in it that keeps apart the first and last cells of several runs in one notebook.
 */
export function shortId(cellId: string): string {
  return cellId.replace(/^(intro|setup|end)-[0-9a-f]{8}(-\d+)?$/, '$1');
}
