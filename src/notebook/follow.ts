import type { Cell } from '@jupyterlab/cells';
import type { Notebook } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventEntry } from '../generated/api';
import type { IRunModel } from '../tokens';
import { bringIntoView } from './scroll';

/**
 * Keys with which a person moves through a notebook even while holding Ctrl.
 */
const MOVES = /^(Arrow|Page|Home$|End$)/;
const MODIFIERS = new Set(['Alt', 'AltGraph', 'Control', 'Meta', 'Shift']);

/**
 * Keeps the cell that the agent works on in view, until the person scrolls. Focus, selection and the tab in front stay
 * as they are.
 */
export class Follow implements IDisposable {
  constructor(
    private readonly _notebook: Notebook,
    private readonly _run: IRunModel,
    enabled: boolean
  ) {
    this._enabled = enabled;
    const { node } = _notebook;
    const listening = { capture: true, passive: true };
    node.addEventListener('wheel', this, listening);
    node.addEventListener('touchmove', this, listening);
    node.addEventListener('pointerdown', this, listening);
    node.addEventListener('keydown', this, listening);
    _notebook.modelContentChanged.connect(this._scroll, this);
    void _run.ready.then(() => {
      if (!this._isDisposed) {
        _run.eventReceived.connect(this._onEvent, this);
        this._catchUp();
      }
    });
  }

  get enabled(): boolean {
    return this._enabled;
  }

  set enabled(enabled: boolean) {
    if (enabled === this._enabled) {
      return;
    }
    this._enabled = enabled;
    if (enabled) {
      this._catchUp();
    } else {
      this._sizes.disconnect();
      this._observed = null;
    }
    this._changed.emit();
  }

  stop(): void {
    this.enabled = false;
  }

  /**
   * `enabled` has changed.
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
    const { node } = this._notebook;
    for (const type of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
      node.removeEventListener(type, this, { capture: true });
    }
    this._sizes.disconnect();
    Signal.clearData(this);
  }

  handleEvent(event: Event): void {
    if (this._enabled && isScrolling(event, this._notebook.outerNode)) {
      this.enabled = false;
    }
  }

  private _catchUp(): void {
    const { cells, runningCell } = this._run.state;
    this._target = runningCell ?? cells.at(-1)?.id ?? null;
    this._scroll();
  }

  private _onEvent(_: IRunModel, { event }: EventEntry): void {
    switch (event.type) {
      case 'cell_added':
      case 'cell_edited':
      case 'cell_started':
      case 'cell_finished':
        this._target = event.cell_id;
        this._scroll();
        break;
      default:
        break;
    }
  }

  /**
   * Show the agent's cell, and go on showing its end while it grows.
   */
  private _scroll(): void {
    const cell = this._cell();
    if (!this._enabled || !cell) {
      return;
    }
    if (cell !== this._observed) {
      this._sizes.disconnect();
      this._observed = cell;
      this._sizes.observe(cell.node);
      this._show();
    }
  }

  private _show(): void {
    const cell = this._observed;
    if (
      !cell ||
      cell.isDisposed ||
      !this._notebook.isVisible ||
      isSelecting()
    ) {
      return;
    }
    void bringIntoView(
      this._notebook,
      cell,
      'end',
      () => this._enabled && !this._isDisposed && this._observed === cell
    );
  }

  private _cell(): Cell | undefined {
    return this._target === null
      ? undefined
      : this._notebook.widgets.find(cell => cell.model.id === this._target);
  }

  private readonly _changed = new Signal<this, void>(this);
  private _enabled: boolean;
  private _isDisposed = false;
  private _observed: Cell | null = null;
  private readonly _sizes = new ResizeObserver(() => this._show());
  private _target: string | null = null;
}

/**
 * Whether the person moves through the notebook, or works in it.
 */
function isScrolling(event: Event, scroller: HTMLElement): boolean {
  if (event instanceof WheelEvent) {
    return event.deltaY !== 0 && !event.ctrlKey;
  }
  if (event instanceof KeyboardEvent) {
    const command = event.ctrlKey || event.metaKey || event.altKey;
    return MOVES.test(event.key) || (!command && !MODIFIERS.has(event.key));
  }
  if (event.type === 'pointerdown') {
    const target = event.target as Element;
    // The scroll bar belongs to what it scrolls.
    return (
      target === scroller || !!target.closest('.jp-WindowedPanel-scrollbar')
    );
  }
  return event.type === 'touchmove';
}

function isSelecting(): boolean {
  return document.getSelection()?.type === 'Range';
}
