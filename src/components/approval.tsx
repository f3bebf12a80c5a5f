import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { ApprovalAsked } from '../generated/events';
import type { IRunModel } from '../tokens';
import { Code } from './code';
import { useAction, useRun, useServices, useSignal } from './context';
import { ErrorLine } from './parts';

interface IApprovalProps {
  run: IRunModel;
  asked: ApprovalAsked;
}

/**
 * Class of the card, for the command that goes to it.
 */
export const APPROVAL_CLASS = 'ib-approval';

/**
 * The agent's question whether its code may run. Enter says yes, while the card itself has the focus.
 */
export function Approval({ run, asked }: IApprovalProps): JSX.Element {
  const { investigations, trans } = useServices();
  const here = useSignal(run.changed, () => run.summary.here);
  const [code, setCode] = React.useState<string | null>(null);
  const action = useAction();
  const editing = code !== null;
  const changed = editing && code.trim() !== asked.code.trim();
  const exists = run.state.cells.some(({ id }) => id === asked.cell_id);

  const answer = (decision: 'run' | 'skip' | 'run_all'): void => {
    const body =
      changed && decision === 'run'
        ? { approval: asked.approval, decision: 'edit' as const, code }
        : { approval: asked.approval, decision };
    void action.run(() => investigations.answer(run.id, body));
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    const onCard = event.target === event.currentTarget;
    if (event.key === 'Enter' && (onCard || (editing && event.shiftKey))) {
      event.preventDefault();
      event.stopPropagation();
      answer('run');
    } else if (event.key === 'Escape' && editing) {
      event.stopPropagation();
      setCode(null);
    }
  };

  return (
    <section
      className={APPROVAL_CLASS}
      tabIndex={0}
      aria-label={trans.__('Approval of cell %1', asked.cell_id)}
      onKeyDownCapture={onKeyDown}
    >
      <h3>{trans.__('Run this cell?')}</h3>
      <p className="ib-approval-facts">
        <code>{asked.cell_id}</code>
        {exists ? trans.__('edited by the agent') : trans.__('a new cell')}
        {asked.code.includes('organism') && (
          <span>{trans.__('touches: organism')}</span>
        )}
      </p>
      <Reason run={run} />
      <Code
        key={`${asked.approval} ${editing}`}
        source={asked.code}
        label={trans.__('Code of cell %1', asked.cell_id)}
        onChange={editing ? setCode : undefined}
      />
      <ErrorLine text={action.error} />
      {here ? (
        <div className="ib-buttons">
          <Button
            appearance="accent"
            disabled={action.busy || (editing && !code.trim())}
            title={editing ? trans.__('Shift+Enter') : trans.__('Enter')}
            onClick={() => answer('run')}
          >
            {changed ? trans.__('Run edited') : trans.__('Run')}
          </Button>
          <Button
            disabled={action.busy}
            onClick={() => setCode(editing ? null : asked.code)}
          >
            {editing ? trans.__('Undo edit') : trans.__('Edit')}
          </Button>
          <Button disabled={action.busy} onClick={() => answer('skip')}>
            {trans.__('Skip')}
          </Button>
          <Button
            appearance="stealth"
            disabled={action.busy || changed}
            title={trans.__('Run it, and do not ask again in this run')}
            onClick={() => answer('run_all')}
          >
            {trans.__('Run all from now')}
          </Button>
        </div>
      ) : (
        <p className="ib-hint">
          {trans.__('It is answered where the run is driven.')}
        </p>
      )}
    </section>
  );
}

/**
 * What the agent said as it wrote the cell.
 */
function Reason({ run }: { run: IRunModel }): JSX.Element | null {
  const reason = useRun(run, state => state.reply.text.trim());
  return reason ? <p className="ib-approval-reason">{reason}</p> : null;
}
