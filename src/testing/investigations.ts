import { Signal } from '@lumino/signaling';

import type { IInvestigations } from '../tokens';
import type { TestRun } from './run';

/**
 * The runs of a server, as far as an open notebook needs to know them.
 */
export class TestInvestigations {
  readonly listsChanged: Signal<IInvestigations, void> = new Signal(
    this as unknown as IInvestigations
  );

  readonly currentChanged: Signal<IInvestigations, null> = new Signal(
    this as unknown as IInvestigations
  );

  /**
   * Null until the server has been heard.
   */
  info: object | null = null;

  list(...runs: TestRun[]): void {
    this._runs = runs;
    this.listsChanged.emit();
  }

  liveRunOf(path: string): TestRun | null {
    const live = this._runs.find(
      ({ summary }) => summary.status === 'running' && summary.notebook === path
    );
    return live ?? null;
  }

  /**
   * Only what is above may be asked for.
   */
  get whole(): IInvestigations {
    return this as unknown as IInvestigations;
  }

  private _runs: TestRun[] = [];
}
