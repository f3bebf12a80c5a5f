import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { ReplayModel } from '../replay';
import type { IRunModel } from '../tokens';
import { announcement } from '../words';
import { Approval } from './approval';
import { useRun, useServices, useSignal } from './context';
import { Details } from './details';
import { Hypotheses } from './hypotheses';
import { MessageBox } from './message-box';
import { PhaseCard } from './phase-card';
import { Outcome } from './outcome';
import { Notice } from './parts';
import { ReplayBar } from './replay-bar';
import { RunHeader } from './run-header';

interface IInvestigationProps {
  run: IRunModel;
  /**
   * Set while the run's past is looked at.
   */
  replay: ReplayModel | null;
  onReplay: () => Promise<void>;
  onReplayEnd: () => void;
  onLike: () => void;
}

/**
 * One run: live, ended, or at a moment of its past.
 */
export function Investigation(props: IInvestigationProps): JSX.Element {
  const { run, replay, onReplay, onReplayEnd, onLike } = props;
  const { trans } = useServices();
  const empty = useRun(run, state => state.seq === 0);
  const here = useSignal(run.changed, () => run.summary.here);
  const running = useRun(run, state => state.status === 'running');
  const shown: IRunModel = replay ?? run;
  return (
    <div className={`ib-place ib-investigation ${replay ? 'ib-mod-past' : ''}`}>
      {replay && <ReplayBar replay={replay} onClose={onReplayEnd} />}
      <Announcer run={run} />
      <div className="ib-scroll">
        <RunHeader run={shown} still={replay !== null} />
        {empty && !replay ? (
          <Notice title={trans.__('Loading…')} />
        ) : (
          <>
            <Stage
              run={shown}
              past={replay !== null}
              onReplay={onReplay}
              onLike={onLike}
            />
            <Hypotheses run={shown} />
            <Details run={shown} />
          </>
        )}
      </div>
      {running && here && !replay && <MessageBox key={run.id} run={run} />}
    </div>
  );
}

/**
 * What matters most: the question that waits, the outcome, or what goes on.
 */
function Stage(props: {
  run: IRunModel;
  past: boolean;
  onReplay: () => Promise<void>;
  onLike: () => void;
}): JSX.Element {
  const { run, past } = props;
  const approval = useRun(run, state => state.approval);
  const running = useRun(run, state => state.status === 'running');
  if (!running && !past) {
    return (
      <Outcome run={run} onReplay={props.onReplay} onLike={props.onLike} />
    );
  }
  return approval && running && !past ? (
    <Approval key={approval.approval} run={run} asked={approval} />
  ) : (
    <PhaseCard run={run} />
  );
}

/**
 * Tells those who cannot see it when the run's state changes; tokens are not read out.
 */
function Announcer({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const text = useRun(run, state => announcement(run.summary, state, trans));
  return (
    <div className="ib-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}

/**
 * In place of an investigation when none is chosen.
 */
export function NoInvestigation(props: { onStart: () => void }): JSX.Element {
  const { trans } = useServices();
  return (
    <Notice title={trans.__('No investigation is open')}>
      <p>
        {trans.__(
          'Choose an organism and start one, or open an earlier one from the history.'
        )}
      </p>
      <Button appearance="accent" onClick={props.onStart}>
        {trans.__('Choose an organism')}
      </Button>
    </Notice>
  );
}
