import {
  notebookIcon,
  pauseIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { elapsed, fileName, listed } from '../format';
import { meterOf, tightest } from '../meters';
import type { IRunModel } from '../tokens';
import {
  budgetName,
  connectionText,
  meterText,
  statusWord,
  runVeilHelp,
  runVeilName
} from '../words';
import {
  useAction,
  useFigures,
  useRun,
  useServices,
  useSignal
} from './context';
import { Bar, ErrorLine, IconButton, meterTone, Status } from './parts';
import { organismText } from './phase-card';

interface IRunHeaderProps {
  run: IRunModel;
  /**
   * Without buttons, for a replay.
   */
  still?: boolean;
}

/**
 * Which run it is, how it stands, and how to hold it.
 */
export function RunHeader({ run, still }: IRunHeaderProps): JSX.Element {
  const { trans } = useServices();
  const summary = useSignal(run.changed, () => run.summary);
  const status = useRun(run, state => state.status);
  const waiting = useRun(run, state => state.waiting);
  const running = status === 'running';
  return (
    <div className="ib-run-header">
      <div className="ib-run-title">
        <h2 title={summary.id}>{summary.experiment}</h2>
        {!still && running && <Controls run={run} />}
      </div>
      <p className="ib-run-line">
        <Status {...statusWord({ status, waiting }, trans)} />
        {(still || running) && <Counters run={run} />}
      </p>
      {(still || running) && <TightestBudget run={run} />}
      <Organism run={run} />
      <Origin run={run} />
      <NotebookLink run={run} />
      {!still && running && <Reach run={run} />}
    </div>
  );
}

/**
 * The run that this one began as a copy of.
 */
function Origin({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const origin = useRun(run, state => state.forkedFrom);
  const known = useSignal(investigations.listsChanged, () =>
    investigations.runs.some(({ id }) => id === origin?.run)
  );
  if (!origin) {
    return null;
  }
  const text = trans.__('Fork of run %1 after %2', origin.run, origin.cellId);
  return known ? (
    <button
      type="button"
      className="ib-link"
      onClick={() => investigations.setCurrent(origin.run)}
    >
      {text}
    </button>
  ) : (
    <p className="ib-hint">{text}</p>
  );
}

function NotebookLink({ run }: { run: IRunModel }): JSX.Element | null {
  const { openNotebook } = useServices();
  const path = useSignal(run.changed, () => run.summary.notebook);
  return path === null ? null : (
    <button
      type="button"
      className="ib-link ib-run-notebook"
      title={path}
      onClick={() => void openNotebook(run)}
    >
      <notebookIcon.react tag="span" width="14px" height="14px" />
      {fileName(path)}
    </button>
  );
}

/**
 * What is to be known of the way to the run, where it is not the usual one.
 */
function Reach({ run }: { run: IRunModel }): JSX.Element {
  const { investigations, trans } = useServices();
  const connection = useSignal(run.changed, () => run.connection);
  const here = useSignal(run.changed, () => run.summary.here);
  // The sidebar says it above its tabs then.
  const said = useSignal(
    investigations.listsChanged,
    () => investigations.problem?.code === 'offline'
  );
  const trouble =
    connection === 'offline' && said ? '' : connectionText(connection, trans);
  return (
    <>
      {trouble && (
        <p className={`ib-connection ib-mod-${connection}`}>{trouble}</p>
      )}
      {!here && (
        <p className="ib-hint">
          {trans.__(
            'Another process drives this run; it can be watched here, and held there.'
          )}
        </p>
      )}
    </>
  );
}

function Controls({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const paused = useRun(run, state => state.paused);
  const here = useSignal(run.changed, () => run.summary.here);
  const action = useAction();
  if (!here) {
    return null;
  }
  const toggle = (): Promise<void> =>
    paused ? investigations.unpause(run.id) : investigations.pause(run.id);
  return (
    <div className="ib-run-controls">
      <IconButton
        icon={paused ? runIcon : pauseIcon}
        label={paused ? trans.__('Continue') : trans.__('Pause')}
        disabled={action.busy}
        onClick={() => void action.run(toggle)}
      />
      <IconButton
        icon={stopIcon}
        label={trans.__('Stop')}
        disabled={action.busy}
        onClick={() => void action.run(() => investigations.stop(run.id))}
      />
      <ErrorLine text={action.error} />
    </div>
  );
}

/**
 * Step, time and cost, as the server counts them.
 */
function Counters({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const figures = useFigures(run);
  const [steps, cost] = ['max_steps', 'max_cost_usd'].map(field =>
    meterOf(figures, field)
  );
  const parts: string[] = [];
  if (steps && figures.steps > 0) {
    parts.push(trans.__('step %1', meterText(steps, trans)));
  }
  parts.push(elapsed(figures.minutes * 60));
  if (cost?.used === null) {
    parts.push(trans.__('cost not known'));
  } else if (cost && (cost.limit || cost.used > 0)) {
    parts.push(meterText(cost, trans));
  }
  return <span className="ib-counters">{listed(parts)}</span>;
}

function TightestBudget({ run }: { run: IRunModel }): JSX.Element | null {
  const { trans } = useServices();
  const meter = tightest(useFigures(run));
  if (!meter) {
    return null;
  }
  const label = `${budgetName(meter.budget)}: ${meterText(meter, trans)}`;
  return (
    <div title={label} className="ib-tightest">
      <Bar value={meter.share ?? 0} label={label} tone={meterTone(meter)} />
    </div>
  );
}

function Organism({ run }: { run: IRunModel }): JSX.Element {
  const { investigations, trans } = useServices();
  const organism = useRun(run, state => state.organism);
  const veil = useRun(run, state => state.veil);
  const { client_reach: reach } = run.summary;
  const ended = useRun(run, state => state.status !== 'running');
  const held = useSignal(investigations.listsChanged, () =>
    investigations.organisms.find(({ runs }) => runs.includes(run.id))
  );
  const words = ended
    ? []
    : [organismText(organism, held?.state === 'busy', trans)];
  if (organism.device) {
    words.push(organism.device);
  }
  return (
    <p className="ib-run-organism">
      <span>{words.join(' · ')}</span>
      {veil && (
        <span
          className={`ib-veil ib-mod-${organism.remote ? 'remote' : veil}`}
          title={runVeilHelp(veil, organism.remote, trans)}
        >
          {trans.__('veil: %1', runVeilName(veil, organism.remote, trans))}
          {reach && `; ${reach}`}
        </span>
      )}
    </p>
  );
}
