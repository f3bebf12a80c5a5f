import { PromiseDelegate } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventEntry, RunFigures, RunSummary } from './generated/api';
import { reduce } from './reduce';
import type { Api } from './request';
import type { RunState } from './state';
import { NOTHING } from './state';
import { EventStream } from './stream';
import type { Connection, IRunModel } from './tokens';

/**
 * In a page that is not shown there are no animation frames.
 */
const LATEST_MS = 500;

/**
 * A run that is followed over its event stream.
 */
export class RunModel implements IRunModel {
  constructor(api: Api, summary: RunSummary) {
    this.id = summary.id;
    this._summary = summary;
    this._state = { ...NOTHING, status: summary.status };
    this._stream = new EventStream(api, summary.id, {
      onEntries: entries => this._take(entries),
      onFigures: figures => {
        this._figures = figures;
        this._changedSoon();
      },
      onConnection: connection => {
        this._connection = connection;
        this._changedSoon();
      },
      onCaughtUp: () => this._ready.resolve(),
      isOver: () => this._state.status !== 'running'
    });
    this._stream.start();
  }

  readonly id: string;

  get summary(): RunSummary {
    return this._summary;
  }

  set summary(summary: RunSummary) {
    this._summary = summary;
    this._changedSoon();
  }

  get state(): RunState {
    return this._state;
  }

  get figures(): RunFigures {
    return this._figures ?? this._summary.figures;
  }

  get connection(): Connection {
    return this._connection;
  }

  get changed(): ISignal<IRunModel, void> {
    return this._changed;
  }

  get eventReceived(): ISignal<IRunModel, EventEntry> {
    return this._eventReceived;
  }

  get ready(): Promise<void> {
    return this._ready.promise;
  }

  get isDisposed(): boolean {
    return this._stream.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._stream.dispose();
    this._connection = 'closed';
    clearTimeout(this._timer);
    cancelAnimationFrame(this._frame);
    this._ready.resolve();
    Signal.clearData(this);
  }

  private _take(entries: EventEntry[]): void {
    this._state = reduce(this._state, entries);
    for (const entry of entries) {
      this._eventReceived.emit(entry);
    }
    this._changedSoon();
  }

  private _changedSoon(): void {
    if (this._due || this.isDisposed) {
      return;
    }
    this._due = true;
    const emit = (): void => {
      cancelAnimationFrame(this._frame);
      clearTimeout(this._timer);
      this._due = false;
      this._changed.emit();
    };
    this._frame = requestAnimationFrame(emit);
    this._timer = setTimeout(emit, LATEST_MS);
  }

  private readonly _changed = new Signal<IRunModel, void>(this);
  private _connection: Connection = 'connecting';
  private _due = false;
  private readonly _eventReceived = new Signal<IRunModel, EventEntry>(this);
  private _figures: RunFigures | null = null;
  private _frame = 0;
  private readonly _ready = new PromiseDelegate<void>();
  /**
   * Until the first event is there, the status is what the list of runs says.
   */
  private _state: RunState;
  private readonly _stream: EventStream;
  private _summary: RunSummary;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
