import { expect, test } from 'vitest';

import type { RunSummary } from '../generated/api';
import type { ICellState, RunState } from '../state';
import { NOTHING } from '../state';
import type { IRow } from './rows';
import { asCsv, asTree, paired, sorted } from './rows';

function run(id: string, forkedFrom: string | null = null, steps = 0): IRow {
  const summary = { id, forked_from: forkedFrom, figures: { steps } };
  return { summary: summary as unknown as RunSummary, state: NOTHING };
}

function cells(...sources: string[]): RunState {
  const made = sources.map(
    (source, at) => ({ id: `c${at + 9}`, kind: 'code', source }) as ICellState
  );
  return { ...NOTHING, cells: made };
}

const STEPS = {
  title: 'Steps',
  value: ({ summary }: { summary: RunSummary }) => summary.figures.steps
};

test('forks stand below the run that they come from, at any depth', () => {
  const rows = [run('d', 'c'), run('a'), run('c', 'a'), run('x', 'gone')];
  expect(asTree(rows).map(({ row, depth }) => [row.summary.id, depth])).toEqual(
    [
      ['a', 0],
      ['c', 1],
      ['d', 2],
      ['x', 0]
    ]
  );
});

test('numbers are sorted as numbers, either way', () => {
  const rows = [run('a', null, 9), run('b', null, 10), run('c', null, 1)];
  const order = (descending: boolean): string[] =>
    sorted(rows, STEPS, descending).map(({ row }) => row.summary.id);
  expect(order(false)).toEqual(['c', 'a', 'b']);
  expect(order(true)).toEqual(['b', 'a', 'c']);
});

test('a file holds what the table says, and no formula', () => {
  const claim = { title: 'Claim', value: () => '=HYPERLINK("x"), it says' };
  expect(asCsv([run('a', null, 3)], [STEPS, claim])).toBe(
    'Steps,Claim\r\n3,"\'=HYPERLINK(""x""), it says"\r\n'
  );
});

test('cells stand beside each other by their ids', () => {
  expect(paired(cells('one', 'two'), cells('one', 'other', 'three'))).toEqual([
    { id: 'c9', left: 'one', right: 'one' },
    { id: 'c10', left: 'two', right: 'other' },
    { id: 'c11', left: null, right: 'three' }
  ]);
});
