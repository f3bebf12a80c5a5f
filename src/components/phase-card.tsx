import { checkIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { duration, elapsed } from '../format';
import type { IOrganism, IStage, Phase } from '../state';
import type { IRunModel } from '../tokens';
import { phaseText, stageName, STAGES } from '../words';
import { useNow, useRun, useServices } from './context';
import { Bar, CellLink } from './parts';
import { Reply } from './reply';

/**
 * What the run does at this moment.
 */
export function PhaseCard({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const phase = useRun(run, state => state.phase);
  const spoken = useRun(
    run,
    ({ reply }) => reply.text !== '' || reply.thinking !== ''
  );
  return (
    <section className="ib-phase" aria-label={trans.__('Now')}>
      <PhaseLine run={run} phase={phase} />
      {phase.kind === 'loading' && <Loading run={run} />}
      {spoken && <Reply run={run} />}
    </section>
  );
}

function PhaseLine(props: {
  run: IRunModel;
  phase: Phase;
}): JSX.Element | null {
  const { run, phase } = props;
  const { trans } = useServices();
  const text = phaseText(phase, trans);
  switch (phase.kind) {
    case 'cell':
      return <RunningCell run={run} {...phase} />;
    case 'provider':
      return (
        <Trouble title={text} text={phase.wait.reason}>
          <Countdown until={phase.wait.until} />
        </Trouble>
      );
    case 'organism_lost':
      return <OrganismLost run={run} title={text} reason={phase.reason} />;
    case 'kernel_died':
      return (
        <Trouble title={text} text={phase.reason}>
          {trans.__('The agent is told, and may start another one.')}
        </Trouble>
      );
    case 'ended':
      return null;
    case 'paused':
      return (
        <p className="ib-phase-line ib-tone-wait">
          <span className="ib-dot" aria-hidden />
          {trans.__('Paused. The agent does nothing until you continue.')}
        </p>
      );
    default:
      return (
        <p className="ib-phase-line ib-tone-work">
          <span className="ib-dot" aria-hidden />
          {text}
        </p>
      );
  }
}

function RunningCell(props: {
  run: IRunModel;
  cellId: string;
  progress: string;
}): JSX.Element {
  const { run, cellId, progress } = props;
  const { trans } = useServices();
  const paused = useRun(run, state => state.paused);
  return (
    <>
      <p className="ib-phase-line ib-tone-work">
        <span className="ib-dot" aria-hidden />
        <span>
          {trans.__('Running cell')} <CellLink run={run} cellId={cellId} />
          {progress && <span className="ib-phase-progress"> {progress}</span>}
        </span>
      </p>
      {paused && (
        <p className="ib-hint">
          {trans.__(
            'Paused: after this cell, nothing happens until you continue.'
          )}
        </p>
      )}
    </>
  );
}

function OrganismLost(props: {
  run: IRunModel;
  title: string;
  reason: string;
}): JSX.Element {
  const { trans } = useServices();
  const restarting = useRun(props.run, state => state.organism.restarting);
  return (
    <Trouble title={props.title} text={props.reason}>
      {restarting
        ? trans.__('It is being started again.')
        : trans.__('The run cannot go on without it.')}
    </Trouble>
  );
}

function Trouble(props: {
  title: string;
  text: string;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div className="ib-trouble">
      <p className="ib-trouble-title">{props.title}</p>
      <p>{props.text}</p>
      <p>{props.children}</p>
    </div>
  );
}

function Countdown({ until }: { until: number }): JSX.Element {
  const { trans } = useServices();
  const now = useNow(true);
  const left = Math.ceil(until - now);
  return (
    <>
      {left > 0
        ? trans.__('Trying again in %1 s.', left)
        : trans.__('Trying again…')}
    </>
  );
}

/**
 * The stages of loading with their times: those that are over, the one under way, those to come.
 */
function Loading({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const stages = useRun(run, state => state.organism.stages);
  const now = useNow(true);
  const named = new Set(stages.map(({ stage }) => stage));
  const last = STAGES.findIndex(stage => stage === stages.at(-1)?.stage);
  const toCome = STAGES.slice(last + 1).filter(stage => !named.has(stage));
  return (
    <ol className="ib-stages">
      {stages.map(stage => (
        <Stage key={stage.stage} stage={stage} now={now} />
      ))}
      {toCome.map(stage => (
        <li key={stage} className="ib-stage ib-mod-to-come">
          <span className="ib-stage-mark" />
          {stageName(stage, trans)}
        </li>
      ))}
    </ol>
  );
}

function Stage({ stage, now }: { stage: IStage; now: number }): JSX.Element {
  const { trans } = useServices();
  const over = stage.to !== null;
  const name = stageName(stage.stage, trans);
  const share = stage.total > 0 ? stage.done / stage.total : null;
  const seconds = Math.max(0, (stage.to ?? now) - stage.from);
  return (
    <li className={`ib-stage ${over ? '' : 'ib-tone-work'}`}>
      <span className="ib-stage-mark">
        {over ? (
          <checkIcon.react tag={null} width="14px" height="14px" />
        ) : (
          <span className="ib-dot" />
        )}
      </span>
      <span>{name}</span>
      {!over && share !== null && (
        <Bar value={Math.min(1, share)} label={name} />
      )}
      <span className="ib-stage-time">
        {over ? duration(seconds) : elapsed(seconds)}
      </span>
    </li>
  );
}

/**
 * The organism's state in a few words.
 */
export function organismText(
  organism: IOrganism,
  busy: boolean,
  trans: ReturnType<typeof useServices>['trans']
): string {
  switch (organism.state) {
    case 'absent':
      return trans.__('organism not loaded');
    case 'loading':
      return trans.__('organism loading');
    case 'lost':
      return trans.__('organism lost');
    default:
      return busy ? trans.__('organism busy') : trans.__('organism ready');
  }
}
