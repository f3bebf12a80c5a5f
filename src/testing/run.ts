import { Signal } from '@lumino/signaling';

import type { EventEntry, RunSummary } from '../generated/api';
import type { Event } from '../generated/events';
import { reduce } from '../reduce';
import type { RunState } from '../state';
import { NOTHING } from '../state';
import type { IRunModel } from '../tokens';
import { figures } from './figures';

/**
 * A run to which a test lets things happen.
 */
export class TestRun implements IRunModel {
  constructor(
    readonly id: string,
    public notebook: string
  ) {}

  readonly connection = 'live';
  readonly ready = Promise.resolve();
  readonly changed: Signal<IRunModel, void> = new Signal(this);
  readonly eventReceived: Signal<IRunModel, EventEntry> = new Signal(this);
  readonly figures = figures();
  isDisposed = false;

  get state(): RunState {
    return this._state;
  }

  get summary(): RunSummary {
    return {
      id: this.id,
      experiment: 'beekeeping-01',
      config: 'beekeeping-01',
      notebook: this.notebook,
      status: this._state.seq === 0 ? 'running' : this._state.status,
      waiting: this._state.waiting,
      here: true,
      agent: 'playbook',
      seed: 7,
      forked_from: null,
      veil: 'sandboxed',
      created: 1000,
      figures: this.figures,
      findings: null,
      claims: [],
      message: '',
      verdict: ''
    };
  }

  happen(...events: Event[]): void {
    for (const event of events) {
      const seq = this._state.seq + 1;
      const entry = { seq, at: 1000 + seq, event };
      this._state = reduce(this._state, [entry]);
      this.eventReceived.emit(entry);
    }
    this.changed.emit();
  }

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  private _state: RunState = NOTHING;
}
