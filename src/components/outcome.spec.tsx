// @vitest-environment jsdom
import '../testing/browser';

import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { expect, it } from 'vitest';

import { ranCell, started } from '../testing/events';
import { mounted } from '../testing/mounted';
import { TestRun } from '../testing/run';
import { Outcome } from './outcome';

/**
 * The outcome of a run that was cut short.
 *
 * @param kept - Whether its notebook is where it was.
 */
async function outcome(kept: boolean): Promise<HTMLElement> {
  const run = new TestRun('r1', 'bees.ipynb');
  run.happen(started(), ...ranCell('c3'), {
    type: 'run_ended',
    status: 'failed',
    message: 'It needs a token: `modal token new`'
  });
  const investigations = { info: null, runs: [], organisms: [] };
  const done = (): Promise<void> => Promise.resolve();
  return mounted(
    {
      investigations: Object.assign(investigations, {
        listsChanged: new Signal(investigations)
      }),
      navigator: null,
      notebookExists: () => Promise.resolve(kept)
    },
    <Outcome run={run} onReplay={done} onLike={() => undefined} />
  );
}

it('promises a notebook only where it is there', async () => {
  const kept = 'Everything up to here is kept in the notebook.';
  expect((await outcome(true)).textContent).toContain(kept);
  expect((await outcome(false)).textContent).not.toContain(kept);
});

it('has all that can be done next in one row, and shows code as code', async () => {
  const node = await outcome(true);
  const rows = [...node.querySelectorAll('.ib-buttons')].map(row =>
    [...row.querySelectorAll('jp-button')].map(button => button.textContent)
  );
  expect(rows.at(-1)).toEqual([
    'Report',
    'Replay',
    'New run like this',
    'Fork…'
  ]);
  expect(node.querySelector('.ib-notice code')?.textContent).toBe(
    'modal token new'
  );
});
