import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  pauseIcon,
  ReactWidget,
  runIcon,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { sentence, useSignal } from '../components/context';
import type { Phase } from '../state';
import type { ICellNavigator, IInvestigations, IRunModel } from '../tokens';
import type { Follow } from './follow';
import type { Follows } from './follows';
import { followIcon } from './icons';
import type { PanelRun } from './panels';

interface IStripServices {
  readonly follows: Follows;
  readonly investigations: IInvestigations;
  readonly navigator: ICellNavigator;
  readonly trans: TranslationBundle;
}

/**
 * In the toolbar of a notebook under investigation: what the agent does there, and the ways to stop it.
 */
export class RunStrip extends ReactWidget {
  constructor(
    private readonly _panelRun: PanelRun,
    private readonly _services: IStripServices
  ) {
    super();
    this.addClass('ib-RunStrip');
    this._services.follows.changed.connect(this._onChanged, this);
    this._panelRun.runChanged.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): React.ReactElement {
    const { run } = this._panelRun;
    const follow = this._services.follows.of(this._panelRun);
    return run ? (
      <Strip run={run} follow={follow} services={this._services} />
    ) : (
      <></>
    );
  }

  private _onChanged(): void {
    this.setHidden(!this._panelRun.run);
    this.update();
  }
}

interface IStripProps {
  readonly run: IRunModel;
  readonly follow: Follow | null;
  readonly services: IStripServices;
}

function Strip({ run, follow, services }: IStripProps): React.ReactElement {
  const { investigations, trans } = services;
  const phase = useSignal(run.changed, () => run.state.phase);
  const waiting = useSignal(run.changed, () => run.state.waiting);
  const last = useSignal(run.changed, () => run.state.cells.at(-1)?.id);
  const paused = waiting === 'paused';
  const attempt = (command: () => Promise<void>): void => {
    command().catch(reason => {
      Notification.error(sentence(reason), { autoClose: 8000 });
    });
  };
  return (
    <div
      className="ib-RunStrip-content"
      role="group"
      aria-label={trans.__('Agent')}
      data-phase={phase.kind}
    >
      <span className="ib-RunStrip-dot" aria-hidden="true" />
      <Doing run={run} phase={phase} last={last} services={services} />
      {follow && (
        <ToolbarButtonComponent
          icon={followIcon}
          pressed={follow.enabled}
          tooltip={trans.__("Scroll to the agent's cell")}
          pressedTooltip={trans.__("Do not scroll to the agent's cell")}
          onClick={() => {
            follow.enabled = !follow.enabled;
          }}
        />
      )}
      <ToolbarButtonComponent
        icon={paused ? runIcon : pauseIcon}
        tooltip={paused ? trans.__('Continue') : trans.__('Pause')}
        onClick={() =>
          attempt(() =>
            paused
              ? investigations.unpause(run.id)
              : investigations.pause(run.id)
          )
        }
      />
      <ToolbarButtonComponent
        className="ib-RunStrip-take"
        label={trans.__('Take control')}
        tooltip={trans.__(
          'Stop the investigation; the notebook is yours, with a fresh kernel'
        )}
        onClick={() => attempt(() => investigations.stop(run.id))}
      />
    </div>
  );
}

interface IDoingProps {
  readonly run: IRunModel;
  readonly phase: Phase;
  readonly last: string | undefined;
  readonly services: IStripServices;
}

/**
 * What the agent does, with a link to the cell it does it in.
 */
function Doing({
  run,
  phase,
  last,
  services
}: IDoingProps): React.ReactElement {
  const { investigations, navigator, trans } = services;
  const cellId = phase.kind === 'cell' ? phase.cellId : last;
  const inCell = phase.kind === 'cell' || phase.kind === 'thinking';
  const shared = investigations.info?.collaboration ?? true;
  return (
    <span className="ib-RunStrip-doing">
      {inCell && !shared ? trans.__('Agent is writing') : trans.__('Agent')}
      {' · '}
      {inCell && cellId ? (
        <button
          className="ib-RunStrip-cell"
          title={trans.__('Scroll to the cell')}
          onClick={() => void navigator.reveal(run, cellId)}
        >
          {trans.__('cell %1', cellId)}
        </button>
      ) : (
        doing(phase, trans)
      )}
    </span>
  );
}

function doing(phase: Phase, trans: TranslationBundle): string {
  switch (phase.kind) {
    case 'starting':
      return trans.__('starting');
    case 'opening':
      return trans.__('opening the notebook');
    case 'loading':
      return trans.__('loading the organism');
    case 'restoring':
      return trans.__('running earlier cells again');
    case 'approval':
      return trans.__('waits for your approval');
    case 'paused':
      return trans.__('paused');
    case 'provider':
      return trans.__('waits for its provider');
    case 'organism_lost':
      return trans.__('the organism was lost');
    case 'kernel_died':
      return trans.__('the kernel died');
    default:
      return trans.__('thinking');
  }
}
