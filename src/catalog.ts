import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConfigCard } from './generated/api';
import { placeName } from './words';

/**
 * Group of the configs that come with this package.
 */
const BUNDLED = 'Bundled';

/**
 * Configs below one heading.
 */
interface IGroup {
  title: string;
  cards: ConfigCard[];
  /**
   * Why none of them can be started.
   */
  obstacle: string | null;
}

/**
 * What runs here comes first; the shipped ones are told apart by where they run, the others by whose they are.
 */
export function grouped(
  cards: readonly ConfigCard[],
  trans: TranslationBundle
): IGroup[] {
  const groups = new Map<string, IGroup>();
  for (const card of cards) {
    const title = groupTitle(card, trans);
    const group = groups.get(title) ?? { title, cards: [], obstacle: null };
    groups.set(title, group);
    group.cards.push(card);
    group.obstacle = card.obstacle;
  }
  const here = trans.__('Runs here');
  const found = [...groups.values()];
  for (const group of found) {
    group.cards.sort((one, other) => one.title.localeCompare(other.title));
  }
  const rank = ({ title, obstacle }: IGroup): number =>
    title === here ? 0 : obstacle === null ? 1 : 2;
  return found.sort((one, other) => rank(one) - rank(other));
}

function groupTitle(card: ConfigCard, trans: TranslationBundle): string {
  if (card.group !== BUNDLED || !card.place) {
    return card.group;
  }
  if (card.place === 'local') {
    return trans.__('Runs here');
  }
  const place = placeName(card.place, null, trans);
  return card.obstacle === null
    ? trans.__('Runs on %1', place)
    : trans.__('Needs %1', place);
}

/**
 * Whether each word of the query is somewhere in what a person may know of the config.
 */
export function matches(card: ConfigCard, query: string): boolean {
  const text = [
    card.name,
    card.file,
    card.title,
    card.description,
    card.task,
    card.group,
    card.place,
    card.gpu_type ?? '',
    card.access,
    ...card.techniques
  ]
    .join(' ')
    .toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
