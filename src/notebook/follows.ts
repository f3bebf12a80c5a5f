import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IPreferences } from '../tokens';
import { Follow } from './follow';
import type { IPanelRuns, PanelRun } from './panels';

/**
 * Follows the agent in each notebook under investigation, as the person's settings say when the run begins.
 */
export class Follows {
  constructor(panelRuns: IPanelRuns, preferences: IPreferences) {
    panelRuns.whileRunning((run, panelRun) => {
      const follow = new Follow(
        panelRun.panel.content,
        run,
        preferences.values.followAgent
      );
      this._follows.set(panelRun, follow);
      follow.changed.connect(() => this._changed.emit());
      // The person wants to see that cell, not the agent's.
      panelRun.revealed.connect(follow.stop, follow);
      this._changed.emit();
      return follow;
    });
  }

  /**
   * Null while no run is at work in the notebook.
   */
  of(panelRun: PanelRun): Follow | null {
    const follow = this._follows.get(panelRun);
    return follow && !follow.isDisposed ? follow : null;
  }

  /**
   * A notebook is followed, or no longer.
   */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _follows = new WeakMap<PanelRun, Follow>();
}
