import { Button } from '@jupyter/react-components';
import { checkIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { duration, listed } from '../format';
import type { Finding } from '../generated/events';
import { meterOf } from '../meters';
import type { RunState } from '../state';
import type { IRunModel } from '../tokens';
import { asSentence, budgetName, findingsText } from '../words';
import {
  useAction,
  useFigures,
  useNotebookExists,
  useRun,
  useServices,
  useSignal
} from './context';
import { Forking } from './fork';
import { Effect } from './hypotheses';
import { CellLinks, ErrorLine, Notice } from './parts';
import { Resume } from './resume';
import { Score } from './score';
import { Told } from './told';

interface IOutcomeProps {
  run: IRunModel;
  onReplay: () => Promise<void>;
  onLike: () => void;
}

/**
 * How a run ended, and what can be done next.
 */
export function Outcome({ run, onReplay, onLike }: IOutcomeProps): JSX.Element {
  const { trans } = useServices();
  const findings = useRun(run, state => state.findings);
  const status = useRun(run, state => state.status);
  const summary = useRun(run, state => state.summary);
  const more = !findings?.some(({ claim }) => claim === summary);
  return (
    <section className="ib-outcome" aria-label={trans.__('Outcome')}>
      {status === 'finished' ? (
        <Findings run={run} findings={findings ?? []} />
      ) : (
        <CutShort run={run} status={status} />
      )}
      {summary && more && <p className="ib-outcome-summary">{summary}</p>}
      <Score run={run} />
      <Next run={run} onReplay={onReplay} onLike={onLike} />
    </section>
  );
}

function Findings(props: {
  run: IRunModel;
  findings: readonly Finding[];
}): JSX.Element {
  const { run, findings } = props;
  const { trans } = useServices();
  const problems = useRun(run, state => state.problems);
  const title = findingsText(findings.length, trans);
  if (findings.length === 0) {
    return (
      <Notice tone="good" title={title}>
        <Sums run={run} />
        <p>
          {trans.__(
            'The agent looked and found no evidence that held up. For an organism without a secret this is the right answer.'
          )}
        </p>
      </Notice>
    );
  }
  return (
    <>
      <div className="ib-outcome-head ib-tone-good">
        <checkIcon.react tag={null} width="16px" height="16px" />
        <h3>{title}</h3>
        <Sums run={run} />
      </div>
      <ol className="ib-claims ib-findings">
        {findings.map(finding => (
          <li key={finding.claim} className="ib-claim ib-mod-supported">
            <div className="ib-claim-body">
              <p className="ib-claim-text">{finding.claim}</p>
              <p className="ib-claim-facts">
                <Effect size={finding.effect_size} n={finding.n} />
                <span className="ib-evidence">{trans.__('evidence')}</span>
                <CellLinks run={run} cells={finding.evidence} />
                {finding.control.length > 0 && (
                  <>
                    <span className="ib-evidence">{trans.__('control')}</span>
                    <CellLinks run={run} cells={finding.control} />
                  </>
                )}
              </p>
            </div>
          </li>
        ))}
      </ol>
      {problems.length > 0 && (
        <Notice tone="warn" title={trans.__('Not shown by the evidence')}>
          <ul>
            {problems.map(problem => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}

function Sums({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const figures = useFigures(run);
  const cost = meterOf(figures, 'max_cost_usd');
  const parts = [trans._n('%1 step', '%1 steps', figures.steps)];
  if (cost?.used === null) {
    parts.push(trans.__('cost not known'));
  } else if (cost && cost.used > 0) {
    parts.push(cost.used_text);
  }
  parts.push(duration(figures.minutes * 60));
  return <p className="ib-sums">{listed(parts)}</p>;
}

function CutShort(props: {
  run: IRunModel;
  status: RunState['status'];
}): JSX.Element {
  const { run, status } = props;
  const { trans } = useServices();
  const message = useRun(run, state => state.endMessage);
  const kept = useNotebookExists(run);
  const { meters } = useFigures(run);
  const reached = useRun(run, state => state.reached);
  const failed = status === 'failed';
  const title = failed
    ? trans.__('The run failed')
    : reached.length > 0
      ? trans.__('A budget is used up')
      : trans.__('The run was interrupted');
  const usedUp = meters
    .filter(({ budget }) => reached.includes(budget))
    .map(meter =>
      trans.__(
        '%1: all of %2 is used.',
        budgetName(meter.budget),
        meter.limit_text
      )
    );
  const why =
    usedUp.join(' ') ||
    asSentence(message) ||
    trans.__('It stopped before its end.');
  return (
    <Notice tone={failed ? 'bad' : 'warn'} title={title}>
      <p>
        <Told text={why} />
      </p>
      <Sums run={run} />
      {kept && (
        <p className="ib-hint">
          {trans.__('Everything up to here is kept in the notebook.')}
        </p>
      )}
      <Resume run={run} />
    </Notice>
  );
}

function Next({ run, onReplay, onLike }: IOutcomeProps): JSX.Element {
  const { investigations, trans } = useServices();
  const action = useAction();
  const scored = useRun(run, state => state.score !== null);
  const finished = useRun(run, state => state.status === 'finished');
  const verdict = useSignal(run.changed, () => run.summary.verdict);
  const lastEnded = useRun(run, state => state.lastEnded);
  return (
    <>
      <Forking run={run} cellId={lastEnded} label={trans.__('Fork…')}>
        <Button
          onClick={() =>
            window.open(investigations.reportUrl(run.id), '_blank', 'noopener')
          }
        >
          {trans.__('Report')}
        </Button>
        {finished && !scored && !verdict && (
          <Button
            disabled={action.busy}
            title={trans.__('Open the ground truth and compare')}
            onClick={() => void action.run(() => investigations.score(run.id))}
          >
            {action.busy ? trans.__('Scoring…') : trans.__('Score')}
          </Button>
        )}
        <Button
          disabled={action.busy}
          onClick={() => void action.run(onReplay)}
        >
          {trans.__('Replay')}
        </Button>
        <Button onClick={onLike}>{trans.__('New run like this')}</Button>
      </Forking>
      <ErrorLine text={action.error} />
    </>
  );
}
