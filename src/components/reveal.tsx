import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { Passage, Reveal } from '../generated/api';
import type { IRunModel } from '../tokens';
import { useAction, useServices } from './context';
import { ErrorLine } from './parts';

/**
 * Opens what a scored run looked for, beside what it claims. Nothing of it is fetched before the person asks.
 */
export function Revealing({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const [found, setFound] = React.useState<Reveal | null>(null);
  const action = useAction();
  React.useEffect(() => setFound(null), [run]);
  if (investigations.info?.reveals === false) {
    return null;
  }
  const open = async (): Promise<void> => {
    setFound(await investigations.reveal(run.id));
  };
  return (
    <div className="ib-reveal">
      <Button
        aria-expanded={found !== null}
        disabled={action.busy}
        title={trans.__('Open the sealed truth beside the claim')}
        onClick={() => (found ? setFound(null) : void action.run(open))}
      >
        {found ? trans.__('Hide the truth') : trans.__('Reveal the truth')}
      </Button>
      <ErrorLine text={action.error} />
      {found && <Truth run={run} found={found} />}
    </div>
  );
}

function Truth(props: { run: IRunModel; found: Reveal }): JSX.Element {
  const { run, found } = props;
  const { investigations, trans } = useServices();
  return (
    <div className="ib-truth" role="status">
      <h4>{trans.__('Hidden')}</h4>
      {found.secret === null ? (
        <p>{trans.__('Nothing: this organism is a null.')}</p>
      ) : (
        <p className="ib-truth-secret">
          <Passages parts={found.secret} />
        </p>
      )}
      {found.trigger && (
        <p>
          {trans.__('It shows when:')} <Passages parts={found.trigger} />
        </p>
      )}
      <h4>{trans.__('Claimed')}</h4>
      {found.claims.length === 0 && <p>{trans.__('Nothing.')}</p>}
      <ol>
        {found.claims.map((claim, index) => (
          <li
            key={index}
            className={index === found.named_by ? 'ib-mod-named' : ''}
          >
            <Passages parts={claim} />
          </li>
        ))}
      </ol>
      {found.aliases.length > 0 && (
        <details>
          <summary>{trans.__('Words that name it')}</summary>
          <p>{found.aliases.join(', ')}</p>
        </details>
      )}
      <a
        href={investigations.reportUrl(run.id, true)}
        target="_blank"
        rel="noopener noreferrer"
      >
        {trans.__('The report with the truth')}
      </a>
    </div>
  );
}

function Passages({ parts }: { parts: readonly Passage[] }): JSX.Element {
  return (
    <>
      {parts.map(({ text, matched }, index) =>
        matched ? <u key={index}>{text}</u> : text
      )}
    </>
  );
}
