import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { ApprovalAsked } from '../generated/events';
import type { IRunModel } from '../tokens';
import { Code } from './code';
import { useAction, useCellServices, useRun, useSignal } from './context';
import { Diff } from './diff';
import { ErrorLine } from './parts';

interface IApprovalProps {
  run: IRunModel;
  asked: ApprovalAsked;
  /**
   * It stands in the notebook, whose headings are not the sidebar's.
   */
  inNotebook?: boolean;
}

/**
 * Class of the card, for the command that goes to it.
 */
export const APPROVAL_CLASS = 'ib-approval';

/**
 * The agent's question whether its code may run, in the sidebar and in the notebook. While the card itself has the
 * focus, Enter says yes, E edits and S skips.
 */
export function Approval({
  run,
  asked,
  inNotebook
}: IApprovalProps): JSX.Element {
  const { investigations, trans } = useCellServices();
  const here = useSignal(run.changed, () => run.summary.here);
  const [code, setCode] = React.useState<string | null>(null);
  const action = useAction();
  const editing = code !== null;
  const changed = editing && code.trim() !== asked.code.trim();
  const before = run.state.cells.find(({ id }) => id === asked.cell_id);
  const label = trans.__('Code of cell %1', asked.cell_id);
  const Title = inNotebook ? 'p' : 'h3';

  const answer = (decision: 'run' | 'skip' | 'run_all'): void => {
    const body =
      changed && decision === 'run'
        ? { approval: asked.approval, decision: 'edit' as const, code }
        : { approval: asked.approval, decision };
    void action.run(() => investigations.answer(run.id, body));
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    const meant = meaning(event, editing);
    if (!meant || !here) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (meant === 'edit' || meant === 'undo') {
      setCode(meant === 'edit' ? asked.code : null);
    } else {
      answer(meant);
    }
  };

  return (
    <section
      className={APPROVAL_CLASS}
      tabIndex={0}
      aria-label={
        inNotebook
          ? trans.__('Approval of cell %1 in the notebook', asked.cell_id)
          : trans.__('Approval of cell %1', asked.cell_id)
      }
      onKeyDownCapture={onKeyDown}
    >
      <Title className="ib-approval-title">{trans.__('Run this cell?')}</Title>
      <p className="ib-approval-facts">
        <code>{asked.cell_id}</code>
        {before ? trans.__('edited by the agent') : trans.__('a new cell')}
        {asked.code.includes('organism') && (
          <span>{trans.__('touches: organism')}</span>
        )}
      </p>
      <Reason run={run} />
      {before && !editing ? (
        <Diff before={before.source} after={asked.code} label={label} />
      ) : (
        <Code
          key={`${asked.approval} ${editing}`}
          source={asked.code}
          label={label}
          onChange={editing ? setCode : undefined}
        />
      )}
      <ErrorLine text={action.error} />
      {here ? (
        <Answers
          busy={action.busy}
          changed={changed}
          empty={editing && !code.trim()}
          editing={editing}
          onAnswer={answer}
          onEdit={() => setCode(editing ? null : asked.code)}
        />
      ) : (
        <p className="ib-hint">
          {trans.__('It is answered where the run is driven.')}
        </p>
      )}
    </section>
  );
}

/**
 * What a key means on the card: letters only while it has the focus itself.
 */
function meaning(
  event: React.KeyboardEvent<HTMLElement>,
  editing: boolean
): 'run' | 'skip' | 'edit' | 'undo' | null {
  if (event.key === 'Escape') {
    return editing ? 'undo' : null;
  }
  const onCard = event.target === event.currentTarget;
  if (event.key === 'Enter') {
    return onCard || (editing && event.shiftKey) ? 'run' : null;
  }
  if (!onCard || event.ctrlKey || event.metaKey || event.altKey) {
    return null;
  }
  return { e: 'edit' as const, s: 'skip' as const }[event.key] ?? null;
}

function Answers(props: {
  busy: boolean;
  changed: boolean;
  empty: boolean;
  editing: boolean;
  onAnswer: (decision: 'run' | 'skip' | 'run_all') => void;
  onEdit: () => void;
}): JSX.Element {
  const { busy, changed, empty, editing, onAnswer, onEdit } = props;
  const { trans } = useCellServices();
  return (
    <div className="ib-buttons">
      <Button
        appearance="accent"
        disabled={busy || empty}
        title={editing ? trans.__('Shift+Enter') : trans.__('Enter')}
        onClick={() => onAnswer('run')}
      >
        {changed ? trans.__('Run edited') : trans.__('Run')}
      </Button>
      <Button
        disabled={busy}
        title={editing ? trans.__('Escape') : 'E'}
        onClick={onEdit}
      >
        {editing ? trans.__('Undo edit') : trans.__('Edit')}
      </Button>
      <Button disabled={busy} title="S" onClick={() => onAnswer('skip')}>
        {trans.__('Skip')}
      </Button>
      <Button
        appearance="stealth"
        disabled={busy || changed}
        title={trans.__('Run it, and do not ask again in this run')}
        onClick={() => onAnswer('run_all')}
      >
        {trans.__('Run all from now')}
      </Button>
    </div>
  );
}

/**
 * What the agent said as it wrote the cell.
 */
function Reason({ run }: { run: IRunModel }): JSX.Element | null {
  const reason = useRun(run, state => state.reply.text.trim());
  return reason ? <p className="ib-approval-reason">{reason}</p> : null;
}
