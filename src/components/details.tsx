import * as React from 'react';

import { duration } from '../format';
import type { EventEntry } from '../generated/api';
import { forkIcon } from '../icons';
import { logLine } from '../log';
import type { IStep } from '../state';
import type { IRunModel } from '../tokens';
import { toolName } from '../words';
import { useFigures, useRun, useServices } from './context';
import { Fork } from './fork';
import { LazyList } from './lazy-list';
import { CellLinks, IconButton, Meter } from './parts';
import { Section } from './section';
import { Thread } from './thread';

/**
 * What is a click away: steps, budgets, log.
 */
export function Details({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const count = useRun(run, state => state.steps.length);
  const said = useRun(run, state => state.thread.length);
  return (
    <div className="ib-details">
      <Section title={trans.__('Steps')} aside={count}>
        {() => <Steps run={run} />}
      </Section>
      <Section title={trans.__('Thread')} aside={said}>
        {() => <Thread run={run} />}
      </Section>
      <Section title={trans.__('Budget')}>
        {() => <Budgets run={run} />}
      </Section>
      <Section title={trans.__('Log')}>{() => <Log run={run} />}</Section>
    </div>
  );
}

function Steps({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const steps = useRun(run, state => state.steps);
  const latestFirst = React.useMemo(() => [...steps].reverse(), [steps]);
  if (steps.length === 0) {
    return <p className="ib-hint">{trans.__('The agent has not begun.')}</p>;
  }
  return (
    <ol className="ib-rows" reversed>
      <LazyList
        items={latestFirst}
        render={step => <StepRow key={step.seq} run={run} step={step} />}
      />
    </ol>
  );
}

const StepRow = React.memo(
  (props: { run: IRunModel; step: IStep }): JSX.Element => {
    const { run, step } = props;
    const { trans } = useServices();
    const [forks, setForks] = React.useState(false);
    return (
      <li className="ib-step">
        <span className="ib-step-number">{step.number}</span>
        <div className="ib-step-body">
          <p className="ib-step-text" title={step.text}>
            {step.text || toolsText(step.tools, trans) || trans.__('thinking')}
          </p>
          {(step.cells.length > 0 || step.errors > 0) && (
            <p className="ib-claim-facts">
              <CellLinks run={run} cells={step.cells} />
              {step.errors > 0 && (
                <span className="ib-tone-bad ib-step-errors">
                  {trans._n('%1 error', '%1 errors', step.errors)}
                </span>
              )}
            </p>
          )}
          {forks && step.lastEnded && (
            <Fork
              run={run}
              cellId={step.lastEnded}
              onCancel={() => setForks(false)}
            />
          )}
        </div>
        {step.lastEnded && !forks && (
          <IconButton
            icon={forkIcon}
            label={trans.__('Fork after step %1…', step.number)}
            onClick={() => setForks(true)}
          />
        )}
      </li>
    );
  }
);

/**
 * Each once, with a capital letter.
 */
function toolsText(
  tools: readonly string[],
  trans: ReturnType<typeof useServices>['trans']
): string {
  const said = [...new Set(tools)].map(tool => toolName(tool, trans));
  return said.join(', ').replace(/^./, first => first.toUpperCase());
}

function Budgets({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const figures = useFigures(run);
  const { failed_attempts: failed, organism_minutes: worked } = figures;
  return (
    <div className="ib-meters">
      {figures.meters.map(meter => (
        <Meter key={meter.budget} meter={meter} />
      ))}
      {failed > 0 && (
        <p className="ib-hint">
          {trans._n(
            'One attempt to reach the agent failed; what it used up is counted.',
            '%1 attempts to reach the agent failed; what they used up is counted.',
            failed
          )}
        </p>
      )}
      {worked > 0 && (
        <p className="ib-hint">
          {trans.__(
            "The organism's model worked for %1.",
            duration(worked * 60)
          )}
        </p>
      )}
    </div>
  );
}

function Log({ run }: { run: IRunModel }): JSX.Element {
  const log = useRun(run, state => state.log);
  const latestFirst = React.useMemo(() => [...log].reverse(), [log]);
  return (
    <ol className="ib-rows" reversed>
      <LazyList
        items={latestFirst}
        render={entry => <LogRow key={entry.seq} entry={entry} />}
      />
    </ol>
  );
}

const LogRow = React.memo(
  (props: { entry: EventEntry }): JSX.Element | null => {
    const { at, event } = props.entry;
    const { trans } = useServices();
    const line = logLine(event, trans);
    if (!line) {
      return null;
    }
    const time = new Date(at * 1000);
    return (
      <li className={`ib-log-row ib-tone-${line.tone}`}>
        <time dateTime={time.toISOString()} title={time.toLocaleString()}>
          {time.toLocaleTimeString([], { hour12: false })}
        </time>
        <span>{line.text}</span>
      </li>
    );
  }
);
