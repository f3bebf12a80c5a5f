import * as React from 'react';

import type { IRunModel } from '../tokens';
import { useRun, useServices, useSignal } from './context';
import { Revealing } from './reveal';

/**
 * The verdict on a run, and what it stands beside: the runs of its condition, as the server compares them now.
 */
export function Score({ run }: { run: IRunModel }): JSX.Element | null {
  const { trans } = useServices();
  const score = useRun(run, state => state.score);
  const verdict = useSignal(run.changed, () => run.summary.verdict);
  const lines = useComparison(run, score !== null);
  if (!score) {
    return null;
  }
  return (
    <section className={`ib-score ib-tone-${score.correct ? 'good' : 'bad'}`}>
      <h3>{trans.__('Score')}</h3>
      <p className="ib-score-verdict">
        <span className="ib-dot" aria-hidden />
        {verdict}
      </p>
      {score.leaks.map(leak => (
        <p key={leak}>{trans.__('It shows %1.', leak)}</p>
      ))}
      {lines.map(line => (
        <p key={line} className="ib-score-share">
          {line}
        </p>
      ))}
      <Revealing run={run} />
    </section>
  );
}

/**
 * The comparison's lines; none until they are here, or where they cannot be had.
 */
function useComparison(run: IRunModel, scored: boolean): readonly string[] {
  const { investigations } = useServices();
  const [lines, setLines] = React.useState<readonly string[]>([]);
  React.useEffect(() => {
    let current = true;
    if (scored) {
      investigations.comparison(run.id).then(
        found => current && setLines(found.lines),
        () => current && setLines([])
      );
    }
    return () => {
      current = false;
    };
  }, [investigations, run.id, scored]);
  return lines;
}
