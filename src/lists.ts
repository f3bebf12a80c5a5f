import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type {
  ConfigCard,
  EventEntry,
  OrganismState,
  RunSummary,
  ServerInfo
} from './generated/api';
import { incompatible, unreachable } from './compat';
import type { Api } from './request';
import type { IServiceProblem } from './tokens';

const INTERVAL_MS = 10_000;
const BACKOFF_AT_MOST_MS = 20_000;
/**
 * Configs change when somebody edits a file.
 */
const CONFIGS_EVERY_MS = 60_000;

/**
 * Events after which the lists say something else.
 */
export const TELLING = new Set<EventEntry['event']['type']>([
  'run_started',
  'run_resumed',
  'run_paused',
  'run_unpaused',
  'agent_changed',
  'approval_asked',
  'approval_answered',
  'organism_ready',
  'organism_lost',
  'findings_submitted',
  'run_ended',
  'scored'
]);

interface IContent {
  readonly info: ServerInfo | null;
  readonly problem: IServiceProblem | null;
  readonly configs: readonly ConfigCard[];
  /**
   * Newest first.
   */
  readonly runs: readonly RunSummary[];
  readonly organisms: readonly OrganismState[];
}

/**
 * What the server lists, fetched again and again. A list that has not changed keeps its identity.
 */
export class Lists implements IDisposable {
  constructor(
    private readonly _api: Api,
    private readonly _trans: TranslationBundle
  ) {
    this._poll = new Poll({
      factory: async () => {
        await this.refresh();
        if (this._content.problem) {
          throw new Error(this._content.problem.message);
        }
      },
      frequency: {
        interval: INTERVAL_MS,
        backoff: true,
        max: BACKOFF_AT_MOST_MS
      },
      name: 'interp-bench-ext:lists',
      // While a run goes on, its end is worth a notification also when nobody looks.
      standby: () => document.hidden && !this._anyRunning()
    });
  }

  get content(): IContent {
    return this._content;
  }

  get changed(): ISignal<Lists, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  /**
   * Fetch what may have changed; a call while one is under way leads to one more.
   */
  refresh(): Promise<void> {
    if (this._fetching) {
      this._again = true;
      return this._fetching;
    }
    this._fetching = this._refresh().finally(() => {
      this._fetching = null;
    });
    return this._fetching;
  }

  /**
   * Fetch the configs too, whatever their age.
   */
  refreshAll(): Promise<void> {
    this._configsAt = 0;
    return this.refresh();
  }

  /**
   * Take in what a command replied.
   */
  put(summary: RunSummary): void {
    const others = this._content.runs.filter(run => run.id !== summary.id);
    const runs = [summary, ...others].sort((a, b) => b.created - a.created);
    this._update({ runs });
  }

  drop(runId: string): void {
    this._update({ runs: this._content.runs.filter(run => run.id !== runId) });
  }

  private async _refresh(): Promise<void> {
    do {
      this._again = false;
      const change = await this._fetch();
      if (!this.isDisposed) {
        this._update(change);
      }
    } while (this._again && !this.isDisposed);
  }

  private async _fetch(): Promise<Partial<IContent>> {
    try {
      const { info: known, problem } = this._content;
      const info = known && !problem ? known : await this._api.info();
      const misfit = incompatible(info, this._trans);
      const lists = misfit ? {} : await this._fetchLists();
      return { info, problem: misfit, ...lists };
    } catch (error) {
      return { problem: unreachable(error, this._trans) };
    }
  }

  private async _fetchLists(): Promise<Partial<IContent>> {
    const stale = Date.now() - this._configsAt > CONFIGS_EVERY_MS;
    const [runs, organisms, configs] = await Promise.all([
      this._api.runs(),
      this._api.organisms(),
      stale ? this._api.configs() : this._content.configs
    ]);
    if (stale) {
      this._configsAt = Date.now();
    }
    return { runs, organisms, configs };
  }

  private _update(change: Partial<IContent>): void {
    const before = this._content;
    const fresh = Object.entries(change).filter(
      ([name, value]) => !same(before[name as keyof IContent], value)
    );
    if (fresh.length > 0) {
      this._content = { ...before, ...Object.fromEntries(fresh) };
      this._changed.emit();
    }
  }

  private _anyRunning(): boolean {
    return this._content.runs.some(run => run.status === 'running');
  }

  private _again = false;
  private readonly _changed = new Signal<Lists, void>(this);
  private _configsAt = 0;
  private _content: IContent = {
    info: null,
    problem: null,
    configs: [],
    runs: [],
    organisms: []
  };
  private _fetching: Promise<void> | null = null;
  private readonly _poll: Poll;
}

function same(before: unknown, after: unknown): boolean {
  return before === after || JSON.stringify(before) === JSON.stringify(after);
}
