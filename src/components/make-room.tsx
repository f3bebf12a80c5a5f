import { Button } from '@jupyter/react-components';
import * as React from 'react';

import { useAction, useServices, useSignal } from './context';
import { ErrorLine } from './parts';

/**
 * Why a start was refused, and what can be done about it here.
 */
export function StartProblem(props: {
  text: string;
  code: string;
  start: () => Promise<void>;
}): JSX.Element {
  const { text, code, start } = props;
  return (
    <>
      <ErrorLine text={text} />
      {code === 'no_room' && <MakeRoom start={start} />}
    </>
  );
}

/**
 * Offers to release an organism that no run uses, and to start then.
 */
function MakeRoom({ start }: { start: () => Promise<void> }): JSX.Element {
  const { investigations, trans } = useServices();
  const held = useSignal(
    investigations.listsChanged,
    () => investigations.organisms
  );
  const release = useAction();
  return (
    <>
      <div className="ib-buttons">
        {held
          .filter(({ runs }) => runs.length === 0)
          .map(({ id, config }) => (
            <Button
              key={id}
              disabled={release.busy}
              onClick={() =>
                void release.run(async () => {
                  await investigations.release(id);
                  await start();
                })
              }
            >
              {trans.__('Release %1 and start', config)}
            </Button>
          ))}
      </div>
      <ErrorLine text={release.error} />
    </>
  );
}
