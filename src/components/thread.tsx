import * as React from 'react';

import { answerText } from '../log';
import { matching } from '../said';
import type { ISaid } from '../state';
import type { IRunModel } from '../tokens';
import { useRun, useServices } from './context';
import { LazyList } from './lazy-list';
import { CellLink } from './parts';

/**
 * What agent and person said in a run, the latest first, and a field to search it.
 */
export function Thread({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const thread = useRun(run, state => state.thread);
  const [wanted, setWanted] = React.useState('');
  const found = React.useMemo(() => matching(thread, wanted), [thread, wanted]);
  if (thread.length === 0) {
    return <p className="ib-hint">{trans.__('Nothing was said yet.')}</p>;
  }
  const label = trans.__('Search what was said');
  return (
    <>
      <input
        className="jp-mod-styled ib-thread-search"
        type="search"
        aria-label={label}
        placeholder={label}
        value={wanted}
        onChange={({ target }) => setWanted(target.value)}
      />
      <ol className="ib-rows" reversed>
        <LazyList
          items={found}
          render={said => <Said key={said.seq} run={run} said={said} />}
        />
      </ol>
    </>
  );
}

const Said = React.memo(
  (props: { run: IRunModel; said: ISaid }): JSX.Element => {
    const { run, said } = props;
    const { trans } = useServices();
    const names = {
      agent: trans.__('Agent'),
      person: trans.__('You'),
      run: trans.__('To the agent')
    };
    return (
      <li className={`ib-said ib-mod-${said.who}`}>
        <p className="ib-said-facts">
          <span className="ib-said-who">{names[said.who]}</span>
          <span>{stepText()}</span>
        </p>
        {said.answer ? (
          <p>
            {answerText(said.answer.decision, trans)}{' '}
            <CellLink run={run} cellId={said.answer.cellId} />
          </p>
        ) : (
          <p className="ib-said-text">{said.text}</p>
        )}
      </li>
    );

    function stepText(): string {
      if (said.who === 'agent') {
        return trans.__('step %1', said.step ?? 0);
      }
      if (said.who === 'run' || said.answer) {
        return '';
      }
      return said.step === null
        ? trans.__('sent')
        : trans.__('seen at step %1', said.step);
    }
  }
);
