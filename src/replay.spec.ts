import { expect, test } from 'vitest';

import type { RunSummary } from './generated/api';
import { reduce } from './reduce';
import { ReplayModel } from './replay';
import { NOTHING } from './state';
import {
  journal,
  KERNEL,
  ranCell,
  READY,
  replied,
  started
} from './testing/events';

const ENTRIES = journal([
  started(),
  READY,
  KERNEL,
  ...Array.from({ length: 150 }, (_, index) => [
    { type: 'step_started', step: index + 1 } as const,
    replied([{ type: 'text', text: `Step ${index + 1}` }]),
    ...ranCell(`c${index}`)
  ]).flat(),
  { type: 'run_ended', status: 'finished', message: '' }
]);

test('each moment is the run as it stood then, in whatever order they are visited', () => {
  const replay = new ReplayModel({ id: 'r1' } as RunSummary, ENTRIES);
  expect(replay.entry?.event.type).toBe('run_started');
  const last = replay.length - 1;
  for (const moment of [last, 0, 250, 249, 251, 17, last]) {
    replay.seek(moment);
    const seq = replay.entry!.seq;
    expect(replay.state).toEqual(reduce(NOTHING, ENTRIES.slice(0, seq)));
  }
  expect(replay.state.status).toBe('finished');
});

test('it stays within the run', () => {
  const replay = new ReplayModel({ id: 'r1' } as RunSummary, ENTRIES);
  replay.seek(-5);
  expect(replay.moment).toBe(0);
  replay.seek(1e6);
  expect(replay.moment).toBe(replay.length - 1);
});

test('a run without events has no moments', () => {
  const replay = new ReplayModel({ id: 'r1' } as RunSummary, []);
  expect(replay.entry).toBeNull();
  expect(replay.state).toBe(NOTHING);
});
