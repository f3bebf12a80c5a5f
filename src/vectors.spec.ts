import { readdirSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import type { EventEntry } from './generated/api';
import { reduce } from './reduce';
import type { ICellState } from './state';
import { NOTHING } from './state';

interface IVector {
  readonly events: EventEntry[];
  readonly figures: { readonly steps: number };
  readonly cells: {
    readonly [id: string]: Pick<ICellState, 'kind' | 'status'>;
  };
}

const FOLDER = new URL('../tests/record/vectors/', import.meta.url);
const FILES = readdirSync(FOLDER).filter(name => name.endsWith('.json'));

test('there are vectors', () => {
  expect(FILES.length).toBeGreaterThan(5);
});

test.each(FILES)('%s: cells and steps are those of every reader', file => {
  const vector = JSON.parse(
    readFileSync(new URL(file, FOLDER), 'utf8')
  ) as IVector;
  const state = reduce(NOTHING, vector.events);
  expect(
    Object.fromEntries(
      state.cells.map(({ id, kind, status }) => [id, { kind, status }])
    )
  ).toEqual(
    Object.fromEntries(
      Object.entries(vector.cells).map(([id, { kind, status }]) => [
        id,
        { kind, status }
      ])
    )
  );
  expect(state.reply.step).toBe(vector.figures.steps);
  const numbers = state.steps.map(({ number }) => number);
  expect(numbers.slice(numbers.lastIndexOf(1))).toEqual(
    Array.from({ length: vector.figures.steps }, (_, index) => index + 1)
  );
  expect(state.runningCell).toBeNull();
});
