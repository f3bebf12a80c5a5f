import { expect, test, vi } from 'vitest';

import type { RunFigures, RunSummary } from './generated/api';
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
import { figures } from './testing/figures';

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

const SUMMARY = { id: 'r1', figures: figures() } as RunSummary;

function figuresAt(seq: number): Promise<RunFigures> {
  return Promise.resolve(figures({ tokens: seq }));
}

test('each moment has the figures that the server gives for it', async () => {
  const replay = new ReplayModel(SUMMARY, ENTRIES, figuresAt);
  replay.seek(7);
  replay.seek(3);
  await vi.waitFor(() => expect(replay.figures.tokens).toBe(replay.entry!.seq));
  const before = replay.figures;
  const broken = new ReplayModel(SUMMARY, ENTRIES, () =>
    Promise.reject(new Error('The server does not answer.'))
  );
  broken.seek(3);
  await Promise.resolve();
  expect(broken.figures).toEqual(figures());
  expect(before.tokens).toBeGreaterThan(0);
});

test('each moment is the run as it stood then, in whatever order they are visited', () => {
  const replay = new ReplayModel(SUMMARY, ENTRIES, figuresAt);
  expect(replay.entry?.event.type).toBe('run_started');
  const last = replay.length - 1;
  for (const moment of [last, 0, 250, 249, 251, 17, last]) {
    replay.seek(moment);
    const seq = replay.entry!.seq;
    expect(replay.state).toEqual(reduce(NOTHING, ENTRIES.slice(0, seq)));
  }
  expect(replay.state.status).toBe('finished');
});

test('each moment knows the cell that a fork goes on from', () => {
  const replay = new ReplayModel(SUMMARY, ENTRIES, figuresAt);
  expect(replay.state.lastEnded).toBeNull();
  const seek = (type: string, cell: string): string | null => {
    const at = ENTRIES.findIndex(
      ({ event }) =>
        event.type === type && 'cell_id' in event && event.cell_id === cell
    );
    for (let moment = 0; moment < replay.length; moment++) {
      replay.seek(moment);
      if (replay.entry?.seq === at + 1) {
        return replay.state.lastEnded;
      }
    }
    throw new Error('There is no such moment.');
  };
  expect(seek('cell_started', 'c7')).toBe('c6');
  expect(seek('cell_finished', 'c7')).toBe('c7');
});

test('it stays within the run', () => {
  const replay = new ReplayModel(SUMMARY, ENTRIES, figuresAt);
  replay.seek(-5);
  expect(replay.moment).toBe(0);
  replay.seek(1e6);
  expect(replay.moment).toBe(replay.length - 1);
});

test('a run without events has no moments', () => {
  const replay = new ReplayModel(SUMMARY, [], figuresAt);
  expect(replay.entry).toBeNull();
  expect(replay.state).toBe(NOTHING);
});
