import { Button, Search } from '@jupyter/react-components';
import * as React from 'react';

import type { IChoices } from '../choices';
import type { ConfigCard } from '../generated/api';
import { ConfigItem } from './config-item';
import { useServices, useSignal } from './context';
import { LazyList } from './lazy-list';
import { Notice } from './parts';
import { Section } from './section';
import { StartForm } from './start-form';

interface IOrganismsProps {
  /**
   * Name of the config that is chosen.
   */
  chosen: string | null;
  onChoose: (name: string) => void;
  onStarted: () => void;
  /**
   * What the form begins with, for a run like an earlier one.
   */
  like: Pick<IChoices, 'agent' | 'seed'> | null;
}

/**
 * The place where an investigation is started.
 */
export function Organisms(props: IOrganismsProps): JSX.Element {
  const { chosen, onChoose } = props;
  const { investigations, trans } = useServices();
  const { listsChanged } = investigations;
  const configs = useSignal(listsChanged, () => investigations.configs);
  const info = useSignal(listsChanged, () => investigations.info);
  const [query, setQuery] = React.useState('');
  const groups = React.useMemo(
    () => grouped(configs.filter(card => matches(card, query))),
    [configs, query]
  );
  const card = configs.find(({ name }) => name === chosen) ?? null;
  // One card is reached with the Tab key, the others with the arrow keys.
  const usable = groups
    .flatMap(([, cards]) => cards)
    .filter(({ problem }) => problem === null);
  const stop = (usable.find(({ name }) => name === chosen) ?? usable[0])?.name;
  if (!info) {
    return <Notice title={trans.__('Loading…')} />;
  }
  if (configs.length === 0) {
    return <NoConfigs />;
  }
  return (
    <div className="ib-place ib-organisms">
      <div className="ib-place-top">
        <Search
          className="ib-search"
          placeholder={trans.__('Search organisms…')}
          aria-label={trans.__('Search organisms')}
          value={query}
          onInput={event =>
            setQuery(
              (event as unknown as { target: HTMLInputElement }).target.value
            )
          }
        />
      </div>
      <div
        className="ib-scroll"
        role="radiogroup"
        aria-label={trans.__('Organisms')}
        onKeyDown={moveChoice}
      >
        {groups.map(([group, cards]) => (
          <Section
            key={group}
            title={group}
            aside={cards.length}
            startsOpen
            className="ib-group"
          >
            {() => (
              <LazyList
                items={cards}
                needed={cards.findIndex(({ name }) => name === chosen)}
                render={item => (
                  <ConfigItem
                    key={item.name}
                    card={item}
                    chosen={item.name === chosen}
                    tabStop={item.name === stop}
                    onChoose={onChoose}
                  />
                )}
              />
            )}
          </Section>
        ))}
        {groups.length === 0 && (
          <Notice title={trans.__('No organism matches “%1”.', query)}>
            <Button onClick={() => setQuery('')}>{trans.__('Show all')}</Button>
          </Notice>
        )}
      </div>
      <StartForm
        // A form begins anew with the choices of another run.
        key={JSON.stringify(props.like)}
        card={card}
        info={info}
        like={props.like}
        onStarted={props.onStarted}
      />
    </div>
  );
}

function NoConfigs(): JSX.Element {
  const { investigations, trans } = useServices();
  return (
    <Notice title={trans.__('No organism configs were found')}>
      <p>
        {trans.__(
          'Put a config file into interp_bench/configs in one of the Jupyter data folders; `jupyter --paths` lists them.'
        )}
      </p>
      <Button onClick={() => void investigations.refresh()}>
        {trans.__('Look again')}
      </Button>
    </Notice>
  );
}

function grouped(cards: readonly ConfigCard[]): [string, ConfigCard[]][] {
  const groups = new Map<string, ConfigCard[]>();
  for (const card of cards) {
    const group = groups.get(card.group) ?? [];
    groups.set(card.group, group);
    group.push(card);
  }
  return [...groups];
}

function matches(card: ConfigCard, query: string): boolean {
  const text = [
    card.name,
    card.file,
    card.title,
    card.description,
    card.task,
    card.group,
    card.place,
    ...card.techniques
  ]
    .join(' ')
    .toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}

/**
 * Arrow keys move to the card before or after.
 */
function moveChoice(event: React.KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const target = event.target as HTMLElement;
  if (!step || target.getAttribute('role') !== 'radio') {
    return;
  }
  const cards = [
    ...event.currentTarget.querySelectorAll<HTMLElement>(
      '[role="radio"]:not([aria-disabled="true"])'
    )
  ];
  const next = cards.at((cards.indexOf(target) + step) % cards.length);
  event.preventDefault();
  next?.focus();
  next?.click();
}
