import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Poller } from './poller';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('after an event it looks a few times, ever more rarely, then rests', async () => {
  const times: number[] = [];
  const quiet = vi.fn();
  const begun = Date.now();
  const poller = new Poller(() => {
    times.push(Date.now() - begun);
    return Promise.resolve(false);
  }, quiet);
  poller.soon();
  await vi.advanceTimersByTimeAsync(60_000);
  const gaps = times.slice(1).map((time, at) => time - times[at]);
  expect(times[0]).toBeLessThan(50);
  expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
  expect(times.at(-1)!).toBeGreaterThan(5_000);
  expect(quiet).toHaveBeenCalledTimes(1);
});

test('two looks never overlap, and work makes the next one wait', async () => {
  let running = 0;
  let most = 0;
  const starts: number[] = [];
  const poller = new Poller(async () => {
    starts.push(Date.now());
    most = Math.max(most, ++running);
    await new Promise(done => setTimeout(done, 300));
    running--;
    return true;
  }, vi.fn());
  poller.soon();
  for (let count = 0; count < 20; count++) {
    await vi.advanceTimersByTimeAsync(50);
    poller.soon();
  }
  await vi.advanceTimersByTimeAsync(2_000);
  expect(most).toBe(1);
  expect(starts[1] - starts[0]).toBeGreaterThanOrEqual(1_500);
});

test('once stopped it looks no more', async () => {
  const look = vi.fn(() => Promise.resolve(false));
  const poller = new Poller(look, vi.fn());
  poller.soon();
  poller.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(look).not.toHaveBeenCalled();
});
