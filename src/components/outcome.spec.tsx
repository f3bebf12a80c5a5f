// @vitest-environment jsdom
import '../testing/browser';

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import { expect, it, vi } from 'vitest';

import { ranCell, started } from '../testing/events';
import { TestRun } from '../testing/run';
import type { IServices } from './context';
import { ServicesProvider } from './context';
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
  const services = {
    trans: nullTranslator.load(''),
    investigations: Object.assign(investigations, {
      listsChanged: new Signal(investigations)
    }),
    navigator: null,
    notebookExists: () => Promise.resolve(kept)
  } as unknown as IServices;
  const node = document.body.appendChild(document.createElement('div'));
  const done = (): Promise<void> => Promise.resolve();
  await act(async () => {
    createRoot(node).render(
      <ServicesProvider value={services}>
        <Outcome run={run} onReplay={done} onLike={() => undefined} />
      </ServicesProvider>
    );
    await Promise.resolve();
  });
  return node;
}

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);

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
