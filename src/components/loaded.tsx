import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { OrganismState } from '../generated/api';
import { useAction, useServices, useSignal } from './context';
import { Ask } from './ask';
import { ErrorLine } from './parts';
import { Section } from './section';

/**
 * The organisms that the server holds: each takes its model's memory until it is released.
 */
export function LoadedOrganisms(): JSX.Element | null {
  const { investigations, trans } = useServices();
  const held = useSignal(
    investigations.listsChanged,
    () => investigations.organisms
  );
  return held.length === 0 ? null : (
    <Section
      title={trans.__('Loaded')}
      aside={held.length}
      startsOpen
      className="ib-group ib-loaded"
    >
      {() => (
        <ul className="ib-list">
          {held.map(organism => (
            <Held key={organism.id} organism={organism} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Held({ organism }: { organism: OrganismState }): JSX.Element {
  const { investigations, openNotebookWith, trans } = useServices();
  const action = useAction();
  const { config, device, runs } = organism;
  const users =
    runs.length > 0
      ? trans._n('used by %1 run', 'used by %1 runs', runs.length)
      : trans.__('idle');
  return (
    <li>
      <div className="ib-loaded-row">
        <span className="ib-loaded-name">{config}</span>
        <span className="ib-loaded-facts">
          {[stateWord(), device, users].filter(Boolean).join(' · ')}
        </span>
        <Button
          appearance="stealth"
          aria-label={trans.__('Release %1', config)}
          title={trans.__('Stop it and free its memory')}
          disabled={action.busy || runs.length > 0}
          onClick={() =>
            void action.run(() => investigations.release(organism.id))
          }
        >
          {trans.__('Release')}
        </Button>
      </div>
      <ErrorLine text={action.error} />
      {organism.state !== 'loading' && organism.state !== 'lost' && (
        <details className="ib-ask">
          <summary>{trans.__('Ask it')}</summary>
          <Ask organism={organism} />
        </details>
      )}
      {openNotebookWith && (
        <Button
          appearance="stealth"
          disabled={action.busy}
          onClick={() => void action.run(() => openNotebookWith(config))}
        >
          {trans.__('Open a notebook with it')}
        </Button>
      )}
    </li>
  );

  function stateWord(): string {
    switch (organism.state) {
      case 'loading':
        return trans.__('loading');
      case 'lost':
        return trans.__('lost');
      default:
        return '';
    }
  }
}
