import { expect, test } from 'vitest';

import { found } from './run-search';
import { TestRun } from './testing/run';

test('a run is found by its claims, its notebook and why it ended', () => {
  const run = {
    ...new TestRun('652a', 'bees.ipynb').summary,
    claims: ['It adores the quokka.'],
    message: 'A budget is used up.'
  };
  for (const query of ['', 'QUOKKA', 'bees budget', '652a adores']) {
    expect(found(run, query)).toBe(true);
  }
  expect(found(run, 'quokka lighthouse')).toBe(false);
});
