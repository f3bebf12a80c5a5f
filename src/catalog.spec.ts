import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import { grouped, matches } from './catalog';
import type { ConfigCard } from './generated/api';

const trans = nullTranslator.load('');

function card(name: string, more: Partial<ConfigCard> = {}): ConfigCard {
  return {
    name,
    group: 'Bundled',
    file: `${name}.yaml`,
    title: name,
    description: '',
    task: 'Find what it hides.',
    techniques: ['sample'],
    access: 'logits',
    place: 'local',
    gpu_type: null,
    veil: 'sandboxed',
    agent: null,
    estimate: null,
    problem: null,
    obstacle: null,
    ...more
  };
}

const FAR = { place: 'modal', gpu_type: 'A10G', obstacle: 'needs a token' };

test('organisms that run here stand first, those that cannot be started last, each group by title', () => {
  const groups = grouped(
    [
      card('zinc', FAR),
      card('mine', { group: 'My configs' }),
      card('file', { title: 'dune' }),
      card('alder', FAR),
      card('birch')
    ],
    trans
  );
  expect(
    groups.map(({ title, cards }) => [title, cards.map(({ title }) => title)])
  ).toEqual([
    ['Runs here', ['birch', 'dune']],
    ['My configs', ['mine']],
    ['Needs Modal', ['alder', 'zinc']]
  ]);
  expect(groups.map(({ obstacle }) => obstacle)).toEqual([
    null,
    null,
    'needs a token'
  ]);
});

test('organisms are found by GPU, access and technique', () => {
  const zinc = card('zinc', FAR);
  for (const query of ['a10g', 'LOGITS', 'sample modal']) {
    expect(matches(zinc, query)).toBe(true);
  }
  expect(matches(zinc, 'sample h100')).toBe(false);
});
