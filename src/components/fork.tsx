import { Button } from '@jupyter/react-components';
import * as React from 'react';

import { forkBody } from '../choices';
import type { IRunModel } from '../tokens';
import { readsMessages } from '../words';
import { useAction, useServices } from './context';
import { deafText, LONGEST } from './message-box';
import { ErrorLine } from './parts';

interface IForkProps {
  run: IRunModel;
  /**
   * The cell after which the fork goes its own way.
   */
  cellId: string;
  onCancel: () => void;
}

/**
 * Goes another way from a cell, in a new run with a notebook of its own.
 */
export function Fork({ run, cellId, onCancel }: IForkProps): JSX.Element {
  const { investigations, openNotebook, trans } = useServices();
  const [text, setText] = React.useState('');
  const action = useAction();
  const fork = async (): Promise<void> => {
    const forked = await investigations.fork(run.id, forkBody(cellId, text));
    void openNotebook(forked, true);
  };
  const title = trans.__('Fork after %1', cellId);
  return (
    <form
      className="ib-fork"
      aria-label={title}
      onSubmit={event => {
        event.preventDefault();
        void action.run(fork);
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <p className="ib-hint">
        {trans.__(
          'A new run with a notebook of its own goes on after %1. This one stays as it is.',
          cellId
        )}
      </p>
      {readsMessages(run.summary) ? (
        <textarea
          className="jp-mod-styled ib-message-text"
          rows={2}
          autoFocus
          maxLength={LONGEST}
          placeholder={trans.__('What should the agent do differently?')}
          aria-label={trans.__('Message to the agent of the fork (optional)')}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      ) : (
        <p className="ib-hint">{deafText(trans)}</p>
      )}
      <div className="ib-buttons">
        <Button appearance="accent" type="submit" disabled={action.busy}>
          {action.busy ? trans.__('Forking…') : title}
        </Button>
        <Button type="button" onClick={onCancel}>
          {trans.__('Cancel')}
        </Button>
      </div>
      <ErrorLine text={action.error} />
    </form>
  );
}

/**
 * A button that opens the form in its place; nothing before a cell has ended.
 *
 * @param props.children - Buttons that stand in one row with it.
 */
export function Forking(props: {
  run: IRunModel;
  cellId: string | null;
  label: string;
  children?: React.ReactNode;
}): JSX.Element {
  const { run, cellId, label, children } = props;
  const [opened, setOpened] = React.useState(false);
  const opens = cellId !== null && !opened;
  return (
    <>
      {(children || opens) && (
        <div className="ib-buttons">
          {children}
          {opens && <Button onClick={() => setOpened(true)}>{label}</Button>}
        </div>
      )}
      {cellId !== null && opened && (
        <Fork run={run} cellId={cellId} onCancel={() => setOpened(false)} />
      )}
    </>
  );
}
