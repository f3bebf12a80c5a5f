import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { OrganismState } from '../generated/api';
import { useAction, useServices } from './context';
import { ErrorLine } from './parts';

interface ITurn {
  readonly prompt: string;
  readonly text: string;
  readonly ended: boolean;
}

/**
 * Turns that stay to be seen.
 */
const KEPT = 5;

/**
 * A question to a loaded organism without a run: each stands by itself, and none is recorded.
 */
export function Ask({ organism }: { organism: OrganismState }): JSX.Element {
  const { investigations, trans } = useServices();
  const [prompt, setPrompt] = React.useState('');
  const [turns, setTurns] = React.useState<readonly ITurn[]>([]);
  const action = useAction();
  const ask = async (): Promise<void> => {
    const { text, ended } = await investigations.ask(organism.id, prompt);
    setTurns(before => [...before, { prompt, text, ended }].slice(-KEPT));
    setPrompt('');
  };
  const label = trans.__('Ask %1', organism.config);
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        if (prompt.trim()) {
          void action.run(ask);
        }
      }}
    >
      <div role="log" aria-label={trans.__('Its replies')}>
        {turns.map((turn, index) => (
          <div key={index} className="ib-ask-turn">
            <p className="ib-ask-prompt">{turn.prompt}</p>
            <p className="ib-ask-reply">
              {turn.text}
              {!turn.ended && <span className="ib-hint"> …</span>}
            </p>
          </div>
        ))}
      </div>
      <div className="ib-ask-line">
        <input
          className="jp-mod-styled"
          aria-label={label}
          placeholder={label}
          maxLength={4000}
          value={prompt}
          onChange={({ target }) => setPrompt(target.value)}
        />
        <Button type="submit" disabled={action.busy || !prompt.trim()}>
          {action.busy ? trans.__('Asking…') : trans.__('Ask')}
        </Button>
      </div>
      <p className="ib-hint">
        {trans.__('Its likeliest reply, each by itself. Nothing is recorded.')}
      </p>
      <ErrorLine text={action.error} />
    </form>
  );
}
