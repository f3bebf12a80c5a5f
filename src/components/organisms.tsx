import { Button } from '@jupyter/react-components';
import * as React from 'react';

import { grouped, matches } from '../catalog';
import type { IChoices } from '../choices';
import { ConfigItem } from './config-item';
import { useServices, useSignal } from './context';
import { LazyList } from './lazy-list';
import { LoadedOrganisms } from './loaded';
import { Notice } from './parts';
import { SearchBox } from './search-box';
import { Section } from './section';
import { StartForm } from './start-form';
import { Told } from './told';

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
  like: Partial<IChoices> | null;
}

/**
 * The organism that a first run is offered of.
 */
const FIRST = 'birch';

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
    () =>
      grouped(
        configs.filter(card => matches(card, query)),
        trans
      ),
    [configs, query, trans]
  );
  const isFirst = useSignal(
    listsChanged,
    () => investigations.runs.length === 0
  );
  const card = configs.find(({ name }) => name === chosen) ?? null;
  // One card is reached with the Tab key, the others with the arrow keys.
  const usable = groups
    .flatMap(({ cards }) => cards)
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
        <SearchBox
          label={trans.__('Search organisms')}
          value={query}
          onChange={setQuery}
        />
      </div>
      <div className="ib-scroll">
        {!query && <LoadedOrganisms />}
        {isFirst && !query && !chosen && <FirstUse onChoose={onChoose} />}
        <div
          role="radiogroup"
          aria-label={trans.__('Organisms')}
          onKeyDown={moveChoice}
        >
          {groups.map(({ title, cards, obstacle }) => (
            <Section
              // What is looked for is not hidden below a heading.
              key={`${title} ${query !== ''}`}
              title={title}
              aside={cards.length}
              startsOpen={obstacle === null || query !== ''}
              className="ib-group"
            >
              {() => (
                <>
                  {obstacle !== null && (
                    <p className="ib-hint ib-group-obstacle">
                      <Told text={obstacle} />
                    </p>
                  )}
                  <LazyList
                    items={cards}
                    end="div"
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
                </>
              )}
            </Section>
          ))}
        </div>
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

/**
 * In place of a manual, while there is no run yet.
 */
function FirstUse(props: {
  onChoose: (name: string) => void;
}): JSX.Element | null {
  const { investigations, trans } = useServices();
  const known = investigations.configs.some(
    ({ name, problem }) => name === FIRST && problem === null
  );
  return known ? (
    <p className="ib-first">
      {trans.__('New here? %1 takes about two minutes, offline.', FIRST)}{' '}
      <button
        type="button"
        className="ib-link"
        onClick={() => props.onChoose(FIRST)}
      >
        {trans.__('Choose %1', FIRST)}
      </button>
    </p>
  ) : null;
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
