import { expect, test } from 'vitest';

import type { Event } from './generated/events';
import { reduce } from './reduce';
import { NOTHING } from './state';
import { journal, ranCell, replied } from './testing/events';
import { after, OPEN } from './testing/fold';

test('an event of a later version is counted and otherwise left alone', () => {
  const before = after(...OPEN);
  const later = [
    { seq: 4, at: 2000, event: { type: 'moon_rose' } as unknown as Event }
  ];
  expect(reduce(before, later)).toMatchObject({ seq: 4, title: before.title });
});

test('a batch is the same as its events one by one, and leaves the state before it alone', () => {
  const entries = journal([
    ...OPEN,
    { type: 'step_started', step: 1 },
    ...ranCell('c1'),
    { type: 'step_started', step: 2 },
    ...ranCell('c2'),
    replied([{ type: 'text', text: 'Done' }]),
    { type: 'run_ended', status: 'finished', message: '' }
  ]);
  const half = reduce(NOTHING, entries.slice(0, 8));
  const copy = structuredClone(half);
  const whole = reduce(NOTHING, entries);
  expect(reduce(half, entries.slice(8))).toEqual(whole);
  expect(
    entries.reduce((state, entry) => reduce(state, [entry]), NOTHING)
  ).toEqual(whole);
  expect(half).toEqual(copy);
});

test('what an event does not touch keeps its identity', () => {
  const before = after(...OPEN, { type: 'step_started', step: 1 });
  const next = reduce(
    before,
    journal([{ type: 'agent_delta', kind: 'text', text: 'a' }], {
      after: before.seq
    })
  );
  for (const key of [
    'cells',
    'steps',
    'hypotheses',
    'log',
    'phase',
    'organism'
  ] as const) {
    expect(next[key]).toBe(before[key]);
  }
});

test('a long run is folded fast', () => {
  const events: Event[] = [...OPEN];
  for (let step = 1; step <= 500; step++) {
    events.push(
      { type: 'step_started', step },
      replied([{ type: 'text', text: `Step ${step}` }]),
      ...ranCell(`c${step}`)
    );
  }
  const entries = journal(events);
  const begun = performance.now();
  const state = reduce(NOTHING, entries);
  expect(state.steps).toHaveLength(500);
  expect(state.cells).toHaveLength(500);
  expect(performance.now() - begun).toBeLessThan(200);
});
