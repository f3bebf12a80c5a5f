import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import type { Event } from './generated/events';
import { KERNEL, READY, started } from './testing/events';
import { after, OPEN } from './testing/fold';
import { phaseText } from './words';

test('loading keeps each stage with its times', () => {
  const state = after(
    started(),
    { type: 'organism_loading', stage: 'files', done: 1, total: 2 },
    { type: 'organism_loading', stage: 'files', done: 2, total: 2 },
    { type: 'organism_loading', stage: 'weights', done: 10, total: 100 }
  );
  expect(state.organism.state).toBe('loading');
  expect(state.organism.stages).toEqual([
    { stage: 'files', done: 2, total: 2, from: 1001, to: 1003 },
    { stage: 'weights', done: 10, total: 100, from: 1003, to: null }
  ]);
  expect(state.phase).toEqual({
    kind: 'loading',
    stage: state.organism.stages[1]
  });
  expect(after(...OPEN).organism).toMatchObject({
    state: 'ready',
    device: 'cpu'
  });
});

test('a pause lets the running cell finish', () => {
  const running = [
    ...OPEN,
    {
      type: 'cell_added',
      cell_id: 'c1',
      kind: 'code',
      source: 'x',
      reason: ''
    },
    { type: 'cell_started', cell_id: 'c1' },
    { type: 'run_paused' }
  ] satisfies Event[];
  expect(after(...running)).toMatchObject({
    waiting: 'paused',
    phase: { kind: 'cell' }
  });
  const finished: Event = {
    type: 'cell_finished',
    cell_id: 'c1',
    status: 'ok',
    execution_count: 1,
    duration_s: 1
  };
  expect(after(...running, finished).phase.kind).toBe('paused');
  expect(
    after(...running, finished, { type: 'run_unpaused' }).waiting
  ).toBeNull();
});

test('an interruption ends what was under way, a resume begins anew', () => {
  const cut = [
    ...OPEN,
    { type: 'step_started', step: 1 },
    {
      type: 'cell_added',
      cell_id: 'c1',
      kind: 'code',
      source: 'x',
      reason: ''
    },
    { type: 'cell_started', cell_id: 'c1' },
    { type: 'budget_used', budget: 'steps', used: 40, limit: 40 },
    { type: 'run_ended', status: 'interrupted', message: 'the server stopped' }
  ] satisfies Event[];
  const state = after(...cut);
  expect(state).toMatchObject({
    status: 'interrupted',
    endMessage: 'the server stopped',
    reached: ['steps'],
    runningCell: null,
    phase: { kind: 'ended' },
    reply: { done: true }
  });
  expect(state.cells[0].status).toBe('interrupted');
  expect(after(...cut, { type: 'run_resumed' })).toMatchObject({
    status: 'running',
    endMessage: '',
    reached: [],
    organism: { state: 'absent' },
    kernel: 'absent'
  });
});

test('before the first step it says what is being made ready', () => {
  expect(after(started()).phase.kind).toBe('starting');
  expect(after(started(), READY).phase.kind).toBe('opening');
  expect(after(...OPEN).phase.kind).toBe('opening');
  const again = [
    ...OPEN,
    { type: 'step_started', step: 1 },
    { type: 'run_ended', status: 'interrupted', message: '' },
    { type: 'run_resumed' }
  ] satisfies Event[];
  expect(after(...again).phase.kind).toBe('starting');
  expect(after(...again, READY).phase.kind).toBe('opening');
  expect(after(...again, READY, KERNEL).phase.kind).toBe('thinking');
});

test('a resume says how many earlier cells have run again', () => {
  const restoring = [
    ...OPEN,
    { type: 'cells_restoring', done: 3, total: 8 }
  ] satisfies Event[];
  const { phase } = after(...restoring);
  expect(phaseText(phase, nullTranslator.load(''))).toBe(
    'Running earlier cells again: 4 of 8'
  );
  expect(after(...restoring, KERNEL).phase.kind).toBe('opening');
});

test('losing organism and kernel shows until they are back', () => {
  const lost = after(...OPEN, {
    type: 'organism_lost',
    reason: 'out of memory',
    restarting: true
  });
  expect(lost.phase).toEqual({
    kind: 'organism_lost',
    reason: 'out of memory'
  });
  const died = [
    ...OPEN,
    { type: 'kernel_died', reason: 'killed' }
  ] satisfies Event[];
  expect(after(...died).phase).toEqual({
    kind: 'kernel_died',
    reason: 'killed'
  });
  expect(after(...died, KERNEL).kernel).toBe('alive');
});
