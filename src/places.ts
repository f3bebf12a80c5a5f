import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IChoices } from './choices';
import { agentOfRun, choicesOfRun } from './choices';
import { ReplayModel } from './replay';
import type { IInvestigations, IRunModel } from './tokens';

export type Place = 'organisms' | 'investigation' | 'history';

/**
 * Where in the sidebar a person is.
 */
interface IWhere {
  readonly place: Place;
  /**
   * Name of the config that is chosen.
   */
  readonly config: string | null;
  /**
   * What the start form begins with, for a run like an earlier one.
   */
  readonly like: Partial<IChoices> | null;
  readonly replay: ReplayModel | null;
}

/**
 * The sidebar's own state, which commands change too.
 */
export class Places {
  constructor(private readonly _investigations: IInvestigations) {
    _investigations.currentChanged.connect((_, run) => {
      this.endReplay();
      if (!run && this._where.place === 'investigation') {
        this.go('history');
      }
    });
  }

  get where(): IWhere {
    return this._where;
  }

  get changed(): ISignal<Places, void> {
    return this._changed;
  }

  go(place: Place): void {
    this._set({ place });
  }

  choose(config: string): void {
    this._set({ config });
  }

  /**
   * Show a run.
   */
  show(runId: string): void {
    this._investigations.setCurrent(runId);
    this._set({ place: 'investigation' });
  }

  /**
   * Go to the start form with the choices of an earlier run.
   */
  startLike(run: IRunModel): void {
    const { agent, config, seed } = run.summary;
    const limits = choicesOfRun(run.state.agentSection);
    this._set({
      place: 'organisms',
      config,
      like: { ...limits, agent: agentOfRun(agent), seed: seed + 1 }
    });
  }

  /**
   * Show a run from its beginning.
   */
  async replay(runId: string): Promise<void> {
    const entries = await this._investigations.history(runId);
    this.show(runId);
    const { summary } = this._investigations.open(runId);
    this.endReplay();
    this._set({
      replay: new ReplayModel(summary, entries, seq =>
        this._investigations.figuresAt(runId, seq)
      )
    });
  }

  endReplay(): void {
    this._where.replay?.dispose();
    this._set({ replay: null });
  }

  private _set(change: Partial<IWhere>): void {
    this._where = { ...this._where, ...change };
    this._changed.emit();
  }

  private readonly _changed = new Signal<Places, void>(this);
  private _where: IWhere = {
    place: 'organisms',
    config: null,
    like: null,
    replay: null
  };
}
