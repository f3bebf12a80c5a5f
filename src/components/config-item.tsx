import * as React from 'react';

import { cost, listed, number } from '../format';
import type { ConfigCard } from '../generated/api';
import { placeName, veilHelp, veilName } from '../words';
import { useServices, useSignal } from './context';
import { Name, Told } from './told';

interface IConfigItemProps {
  card: ConfigCard;
  chosen: boolean;
  tabStop: boolean;
  onChoose: (name: string) => void;
}

const LEVELS = ['sample', 'logits', 'activations', 'weights', 'base'];

/**
 * One organism config in the list; the chosen one shows all of its public half.
 */
export const ConfigItem = React.memo((props: IConfigItemProps): JSX.Element => {
  const { card, chosen, tabStop, onChoose } = props;
  const { trans } = useServices();
  const broken = card.problem !== null;
  const node = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    if (chosen) {
      node.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [chosen]);
  return (
    <div ref={node} className="ib-card" data-config={card.name}>
      <div
        role="radio"
        aria-checked={chosen}
        aria-disabled={broken}
        tabIndex={tabStop ? 0 : -1}
        className="ib-card-choice"
        onClick={() => !broken && onChoose(card.name)}
        onKeyDown={event => {
          if (event.key === ' ' || event.key === 'Enter') {
            event.preventDefault();
            event.currentTarget.click();
          }
        }}
      >
        <div className="ib-card-head">
          <span className="ib-card-title">
            <Name of={card.title} />
          </span>
          <span className="ib-card-place">
            {placeName(card.place, card.gpu_type, trans)}
            <Loaded config={card.name} />
          </span>
        </div>
        {broken && (
          <p className="ib-card-problem">
            <Told text={card.problem ?? ''} />
          </p>
        )}
        {chosen && (
          <p className="ib-card-text">{card.description || card.task}</p>
        )}
      </div>
      {chosen && (
        // A radio button holds nothing that can be opened or scrolled.
        <div className="ib-card-details">
          <AccessLevels access={card.access} />
          <Details card={card} />
        </div>
      )}
    </div>
  );
});

/**
 * The file's name often says what the organism is, so it is shown to who asks for it.
 */
function Spoiler({ card }: { card: ConfigCard }): JSX.Element | null {
  const { trans } = useServices();
  return card.file === card.title ? null : (
    <details className="ib-spoiler">
      <summary>{trans.__("The config file's name (a spoiler)")}</summary>
      <code>{card.file}</code>
    </details>
  );
}

/**
 * Says that the organism is held by the server, so that a run begins at once.
 */
function Loaded({ config }: { config: string }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const state = useSignal(
    investigations.listsChanged,
    () => investigations.organisms.find(held => held.config === config)?.state
  );
  const loaded = state === 'ready' || state === 'busy';
  return loaded ? <> · {trans.__('loaded')}</> : null;
}

/**
 * How far the agent may look: each level includes those before it.
 */
function AccessLevels({ access }: { access: string }): JSX.Element {
  const { trans } = useServices();
  const levels = LEVELS.slice(0, LEVELS.indexOf(access) + 1);
  return (
    <p
      className="ib-card-access"
      title={trans.__('What the techniques may look at')}
    >
      {levels.map(level => (
        <span key={level}>{level}</span>
      ))}
    </p>
  );
}

function Details({ card }: { card: ConfigCard }): JSX.Element {
  const { investigations, trans } = useServices();
  const unsandboxed = useSignal(investigations.listsChanged, () =>
    card.veil === 'process' ? investigations.info?.sandbox_problem : null
  );
  return (
    <>
      <dl className="ib-facts">
        {card.task && (
          <>
            <dt>{trans.__('Task')}</dt>
            <dd className="ib-prose" tabIndex={0}>
              {unwrapped(card.task)}
            </dd>
          </>
        )}
        <dt>{trans.__('Techniques')}</dt>
        <dd className="ib-chips">
          {card.techniques.map(name => (
            <code key={name}>
              <Name of={name} />
            </code>
          ))}
        </dd>
        <dt>{trans.__('Veil')}</dt>
        <dd title={veilHelp(card.veil, trans)}>
          {veilName(card.veil, trans)}
          {unsandboxed && (
            <p className="ib-hint">
              <Told text={unsandboxed} />
            </p>
          )}
        </dd>
        {card.estimate && (
          <>
            <dt>{trans.__('GPU')}</dt>
            <dd>{card.estimate}</dd>
          </>
        )}
        <dt>{trans.__('Budget')}</dt>
        <dd>{listed(budgets(card)) || trans.__('no limit')}</dd>
      </dl>
      <Spoiler card={card} />
    </>
  );

  function budgets({ agent }: ConfigCard): string[] {
    if (!agent) {
      return [];
    }
    const limits: string[] = [trans._n('%1 step', '%1 steps', agent.max_steps)];
    if (agent.max_tokens) {
      limits.push(trans.__('%1 tokens', number(agent.max_tokens)));
    }
    if (agent.max_cost_usd) {
      limits.push(cost(agent.max_cost_usd));
    }
    if (agent.max_minutes) {
      limits.push(trans.__('%1 min', number(agent.max_minutes)));
    }
    if (agent.max_gpu_minutes) {
      limits.push(trans.__('%1 min of GPU', number(agent.max_gpu_minutes)));
    }
    return limits;
  }
}

/**
 * A text without the line breaks that only kept its file narrow.
 */
function unwrapped(text: string): string {
  return text.replace(/([^\n])\n(?!\n)/g, '$1 ');
}
