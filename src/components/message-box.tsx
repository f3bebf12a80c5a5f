import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { sendIcon } from '../icons';
import type { ISaid } from '../state';
import type { IRunModel } from '../tokens';
import { readsMessages } from '../words';
import { AgentChoices } from './agent-choices';
import { useAction, useRun, useServices } from './context';
import { ErrorLine, IconButton } from './parts';

/**
 * As much as the server takes.
 */
export const LONGEST = 20_000;

/**
 * A message to the agent, or why there is nobody to read one; below it what can be chosen about the agent.
 */
export function MessageBox({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  return (
    <div className="ib-message">
      {readsMessages(run.summary) ? (
        <MessageForm run={run} />
      ) : (
        <p className="ib-hint">{deafText(trans)}</p>
      )}
      <AgentChoices run={run} />
    </div>
  );
}

/**
 * The step in which the agent saw the person's last message; null where it has not yet.
 */
function lastSeen(thread: readonly ISaid[]): number | null {
  const messages = thread.filter(
    ({ who, answer }) => who === 'person' && !answer
  );
  return messages.at(-1)?.step ?? null;
}

export function deafText(trans: TranslationBundle): string {
  return trans.__(
    'The playbook follows its protocol; choose Claude to talk to it.'
  );
}

/**
 * Enter sends, Shift+Enter begins a line.
 */
function MessageForm({ run }: { run: IRunModel }): JSX.Element {
  const { investigations, trans } = useServices();
  const [text, setText] = React.useState('');
  const [sent, setSent] = React.useState(false);
  const seen = useRun(run, ({ thread }) => lastSeen(thread));
  const action = useAction();
  const send = async (): Promise<void> => {
    const message = text.trim();
    if (
      message &&
      (await action.run(() => investigations.message(run.id, message)))
    ) {
      setText('');
      setSent(true);
    }
  };
  return (
    <>
      <ErrorLine text={action.error} />
      <p className="ib-hint" role="status">
        {sent &&
          (seen === null
            ? trans.__('Sent. The agent sees it with its next step.')
            : trans.__('Seen at step %1.', seen))}
      </p>
      <div className="ib-message-row">
        <textarea
          className="jp-mod-styled ib-message-text"
          rows={Math.min(6, text.split('\n').length)}
          maxLength={LONGEST}
          placeholder={trans.__('Message to the agent…')}
          aria-label={trans.__('Message to the agent')}
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            setSent(false);
          }}
          onKeyDown={event => {
            const composing = event.nativeEvent.isComposing;
            if (event.key === 'Enter' && !event.shiftKey && !composing) {
              event.preventDefault();
              void send();
            }
          }}
        />
        <IconButton
          icon={sendIcon}
          label={trans.__('Send')}
          disabled={action.busy || !text.trim()}
          onClick={() => void send()}
        />
      </div>
    </>
  );
}
