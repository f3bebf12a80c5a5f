import * as React from 'react';

import type { IHypothesis } from '../state';
import type { IRunModel } from '../tokens';
import { effectText } from '../words';
import { useRun, useServices } from './context';
import { CellLinks } from './parts';

/**
 * What the agent considers, the supported first.
 */
export function Hypotheses({ run }: { run: IRunModel }): JSX.Element | null {
  const { trans } = useServices();
  const hypotheses = useRun(run, state => state.hypotheses);
  if (hypotheses.length === 0) {
    return null;
  }
  const sorted = [...hypotheses].sort(
    (a, b) => RANK[a.status] - RANK[b.status]
  );
  return (
    <section className="ib-block">
      <h3>{trans.__('Hypotheses')}</h3>
      <ul className="ib-claims">
        {sorted.map(hypothesis => (
          <Hypothesis
            key={hypothesis.claim}
            run={run}
            hypothesis={hypothesis}
          />
        ))}
      </ul>
    </section>
  );
}

const RANK: { [status in IHypothesis['status']]: number } = {
  supported: 0,
  open: 1,
  refuted: 2
};

const Hypothesis = React.memo(
  (props: { run: IRunModel; hypothesis: IHypothesis }): JSX.Element => {
    const { claim, status, evidence, effectSize, n } = props.hypothesis;
    const { trans } = useServices();
    const words = {
      supported: trans.__('supported'),
      open: trans.__('open'),
      refuted: trans.__('refuted')
    };
    return (
      <li className={`ib-claim ib-mod-${status}`}>
        <span
          className="ib-claim-mark"
          role="img"
          aria-label={words[status]}
          title={words[status]}
        />
        <div className="ib-claim-body">
          <p className="ib-claim-text">{claim}</p>
          <p className="ib-claim-facts">
            <Effect size={effectSize} n={n} />
            <CellLinks run={props.run} cells={evidence} />
          </p>
        </div>
      </li>
    );
  }
);

/**
 * An effect as a short bar and a number: the difference between organism and control in points.
 */
export function Effect(props: {
  size: number | null;
  n: number | null;
}): JSX.Element | null {
  const { size, n } = props;
  const { trans } = useServices();
  if (size === null) {
    return null;
  }
  return (
    <span
      className="ib-effect"
      title={trans.__(
        'Difference between organism and control, in percentage points'
      )}
    >
      <span className="ib-effect-bar" aria-hidden>
        <span style={{ width: `${Math.min(100, 100 * Math.abs(size))}%` }} />
      </span>
      {effectText(size, n, trans)}
    </span>
  );
}
