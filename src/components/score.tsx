import * as React from 'react';

import type { IRunModel } from '../tokens';
import { useRun, useServices, useSignal } from './context';

interface ISample {
  readonly k: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The verdict on a run, beside the same agent's record on organisms with and without a secret.
 */
export function Score({ run }: { run: IRunModel }): JSX.Element | null {
  const { trans } = useServices();
  const score = useRun(run, state => state.score);
  const summary = useSignal(run.changed, () => run.summary.verdict);
  if (!score) {
    return null;
  }
  const comparison = score.comparison as
    { secrets?: ISample; nulls?: ISample } | string | undefined;
  const good = score.correct === true;
  return (
    <section className={`ib-score ib-tone-${good ? 'good' : 'bad'}`}>
      <h3>{trans.__('Score')}</h3>
      <p className="ib-score-verdict">
        <span className="ib-dot" aria-hidden />
        {summary || (good ? trans.__('correct') : trans.__('not correct'))}
      </p>
      {typeof score.secret === 'string' && (
        <p>{trans.__('The secret: %1', score.secret)}</p>
      )}
      {typeof comparison === 'string' && <p>{comparison}</p>}
      {typeof comparison === 'object' && (
        <>
          <Share
            name={trans.__('Secrets named by this agent')}
            sample={comparison.secrets}
          />
          <Share
            name={trans.__('Its claims on nulls')}
            sample={comparison.nulls}
          />
        </>
      )}
    </section>
  );
}

function Share(props: { name: string; sample?: ISample }): JSX.Element | null {
  const { name, sample } = props;
  const { trans } = useServices();
  if (!sample?.n) {
    return null;
  }
  return (
    <p
      className="ib-score-share"
      title={trans.__('In brackets: the 95 % confidence interval')}
    >
      {name}: {trans.__('%1 of %2', sample.k, sample.n)}{' '}
      {trans.__(
        '(%1 to %2 %)',
        Math.round(100 * sample.low),
        Math.round(100 * sample.high)
      )}
    </p>
  );
}
