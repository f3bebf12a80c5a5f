import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { RunSummary } from './generated/api';
import type { IInvestigations, IPreferences } from './tokens';
import { findingsText } from './words';

interface IOptions {
  readonly investigations: IInvestigations;
  readonly preferences: IPreferences;
  readonly trans: TranslationBundle;
  /**
   * Whether the person sees this run already.
   */
  isShown(runId: string): boolean;
  show(runId: string): void;
}

/**
 * Says when a run ends, and when it waits for an approval.
 */
export class Notices {
  constructor(private readonly _options: IOptions) {
    const { listsChanged } = _options.investigations;
    listsChanged.connect(() => this._compare());
  }

  private _compare(): void {
    const { investigations } = this._options;
    if (!investigations.info) {
      return;
    }
    const known = this._known;
    this._known = new Map(investigations.runs.map(run => [run.id, run]));
    for (const id of known.keys()) {
      if (!this._known.has(id)) {
        this._forget(id);
      }
    }
    for (const run of investigations.runs) {
      const before = known.get(run.id);
      if (before?.status === 'running' && run.status !== 'running') {
        this._ended(run);
      }
      this._asked(run);
    }
  }

  private _ended(run: RunSummary): void {
    const { trans } = this._options;
    if (!this._wanted(run)) {
      return;
    }
    if (run.status === 'finished') {
      const found = findingsText(run.findings ?? 0, trans);
      this._say(run, 'success', `${run.experiment}: ${found}.`);
    } else if (run.status === 'failed') {
      this._say(
        run,
        'error',
        trans.__('%1 failed: %2', run.experiment, run.message)
      );
    } else {
      this._say(
        run,
        'warning',
        run.message
          ? trans.__('%1 was interrupted: %2', run.experiment, run.message)
          : trans.__('%1 was interrupted.', run.experiment)
      );
    }
  }

  /**
   * A question stays until it is answered, wherever that is done.
   */
  private _asked(run: RunSummary): void {
    const { trans } = this._options;
    const said = this._questions.get(run.id);
    if (run.waiting !== 'approval') {
      if (said !== undefined) {
        Notification.dismiss(said);
      }
      this._questions.delete(run.id);
    } else if (!this._questions.has(run.id)) {
      const id = this._wanted(run)
        ? this._say(
            run,
            'info',
            trans.__(
              '%1 waits: the agent asks whether it may run a cell.',
              run.experiment
            )
          )
        : undefined;
      this._questions.set(run.id, id);
    }
  }

  /**
   * A run that was deleted cannot be shown.
   */
  private _forget(runId: string): void {
    this._said.get(runId)?.forEach(id => Notification.dismiss(id));
    this._said.delete(runId);
    this._questions.delete(runId);
  }

  private _wanted(run: RunSummary): boolean {
    const { isShown, preferences } = this._options;
    return preferences.values.notifications && !isShown(run.id);
  }

  private _say(
    run: RunSummary,
    type: 'info' | 'success' | 'warning' | 'error',
    message: string
  ): string {
    const { show, trans } = this._options;
    const id = Notification.emit(message, type, {
      autoClose: type === 'success' ? 10_000 : false,
      actions: [
        {
          label: trans.__('Show'),
          callback: () => show(run.id)
        }
      ]
    });
    this._said.set(run.id, [...(this._said.get(run.id) ?? []), id]);
    return id;
  }

  private _known = new Map<string, RunSummary>();
  /**
   * The notification of each run that waits; undefined where none was needed.
   */
  private readonly _questions = new Map<string, string | undefined>();
  /**
   * All notifications of each run.
   */
  private readonly _said = new Map<string, string[]>();
}
