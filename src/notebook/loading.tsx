import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useNow, useSignal } from '../components/context';
import { elapsed } from '../format';
import type { IStage } from '../state';
import type { IRunModel } from '../tokens';
import { phaseText, stageName } from '../words';
import type { PanelRun } from './panels';

/**
 * One line under the toolbar of a notebook whose run has an organism to load first, or earlier cells to run again.
 */
export class LoadingNotice extends ReactWidget {
  constructor(
    private readonly _panelRun: PanelRun,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('ib-FileNotice');
    this.node.setAttribute('role', 'status');
    _panelRun.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): React.ReactElement {
    const { run } = this._panelRun;
    return run ? <Loading run={run} trans={this._trans} /> : <></>;
  }

  private _onChanged(): void {
    const { run } = this._panelRun;
    const kind = run?.state.phase.kind;
    const hidden = kind !== 'loading' && kind !== 'restoring';
    if (hidden !== this._hidden) {
      this._hidden = hidden;
      this.setHidden(hidden);
      this.update();
    }
  }

  private _hidden: boolean | null = null;
}

function Loading(props: {
  run: IRunModel;
  trans: TranslationBundle;
}): React.ReactElement {
  const { run, trans } = props;
  const phase = useSignal(run.changed, () => run.state.phase);
  const stage = useSignal(run.changed, (): IStage | undefined =>
    run.state.organism.stages.at(-1)
  );
  const now = useNow(true);
  if (phase.kind === 'restoring') {
    return <span>{phaseText(phase, trans)}</span>;
  }
  return (
    <span>
      {stage &&
        trans.__(
          "The organism is loading: %1, %2. The agent's cells follow.",
          stageName(stage.stage, trans),
          elapsed(Math.max(0, now - stage.from))
        )}
    </span>
  );
}
