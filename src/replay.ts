import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventEntry, RunFigures, RunSummary } from './generated/api';
import type { Event } from './generated/events';
import { reduce } from './reduce';
import type { RunState } from './state';
import { NOTHING } from './state';
import type { IRunModel } from './tokens';

/**
 * How many events lie between two states that are kept.
 */
const KEEP_EVERY = 200;

/**
 * Events that are worth a stop.
 */
const MOMENTS: ReadonlySet<Event['type']> = new Set([
  'run_started',
  'run_forked',
  'organism_ready',
  'agent_replied',
  'cell_started',
  'cell_finished',
  'approval_asked',
  'hypothesis_noted',
  'message_sent',
  'kernel_died',
  'organism_lost',
  'findings_submitted',
  'run_ended',
  'scored'
] as const);

/**
 * A run as it stood at any moment of its past.
 */
export class ReplayModel implements IRunModel {
  constructor(
    readonly summary: RunSummary,
    private readonly _entries: readonly EventEntry[],
    private readonly _figuresAt: (seq: number) => Promise<RunFigures>
  ) {
    this._figures = summary.figures;
    this._moments = _entries.flatMap(({ event }, index) =>
      MOMENTS.has(event.type) ? [index] : []
    );
    this.seek(0);
  }

  readonly connection = 'closed';
  readonly ready = Promise.resolve();

  get id(): string {
    return this.summary.id;
  }

  get state(): RunState {
    return this._state;
  }

  /**
   * As of the present moment, as soon as the server has said them.
   */
  get figures(): RunFigures {
    return this._figures;
  }

  get changed(): ISignal<IRunModel, void> {
    return this._changed;
  }

  get eventReceived(): ISignal<IRunModel, EventEntry> {
    return this._eventReceived;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /**
   * Number of moments.
   */
  get length(): number {
    return this._moments.length;
  }

  get moment(): number {
    return this._moment;
  }

  /**
   * The event that the present moment ends with.
   */
  get entry(): EventEntry | null {
    return this._entries[this._moments[this._moment]] ?? null;
  }

  /**
   * Go to a moment, from 0.
   */
  seek(moment: number): void {
    this._moment = Math.max(0, Math.min(moment, this.length - 1));
    this._state = this._stateAfter((this._moments[this._moment] ?? -1) + 1);
    this._changed.emit();
    void this._count();
  }

  dispose(): void {
    this._disposed = true;
    Signal.clearData(this);
  }

  private async _count(): Promise<void> {
    const { seq } = this._state;
    try {
      const figures = await this._figuresAt(seq);
      if (seq === this._state.seq && !this._disposed) {
        this._figures = figures;
        this._changed.emit();
      }
    } catch {
      // The figures of another moment stand until the server can be asked again.
    }
  }

  private _stateAfter(count: number): RunState {
    let from = Math.floor(count / KEEP_EVERY);
    while (from > 0 && !this._kept[from]) {
      from--;
    }
    let state = this._kept[from] ?? NOTHING;
    for (let at = from * KEEP_EVERY; at < count; at += KEEP_EVERY) {
      const to = Math.min(at + KEEP_EVERY, count);
      state = reduce(state, this._entries.slice(at, to));
      if (to % KEEP_EVERY === 0) {
        this._kept[to / KEEP_EVERY] = state;
      }
    }
    return state;
  }

  private readonly _changed = new Signal<IRunModel, void>(this);
  private _disposed = false;
  private readonly _eventReceived = new Signal<IRunModel, EventEntry>(this);
  private _figures: RunFigures;
  private readonly _kept: RunState[] = [];
  private _moment = 0;
  private readonly _moments: readonly number[];
  private _state: RunState = NOTHING;
}
