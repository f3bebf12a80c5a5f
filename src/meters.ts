import type { RunSummary } from './generated/api';
import type { RunState } from './state';

/**
 * How much of a budget is used.
 */
export interface IMeter {
  readonly budget: string;
  readonly used: number;
  /**
   * Null: there is no limit.
   */
  readonly limit: number | null;
}

/**
 * All meters of a run at time `now` (Unix time in seconds), limited or not; GPU time only where there is any.
 */
export function metersOf(
  summary: RunSummary,
  state: RunState,
  now: number
): IMeter[] {
  // A resume may have raised a limit, which only the summary knows.
  const limits = { ...state.limits, ...summary.limits };
  const used = {
    steps: state.used.steps,
    tokens: state.used.tokens,
    cost: state.used.costUsd,
    minutes: activeS(state, now) / 60,
    'GPU minutes': state.used.gpuS / 60
  };
  return Object.entries(used)
    .map(([budget, value]) => ({
      budget,
      used: value,
      limit: limits[budget] ?? null
    }))
    .filter(({ used, limit, budget }) => {
      const always = budget !== 'GPU minutes' && budget !== 'cost';
      return always || used > 0 || limit !== null;
    });
}

/**
 * Time that the run was driven so far, in seconds.
 */
export function activeS(state: RunState, now: number): number {
  const driven = state.status === 'running' && !state.waiting && state.seq > 0;
  return state.used.activeS + (driven ? Math.max(0, now - state.lastAt) : 0);
}

/**
 * Share of the limit that is used, from 0 to 1; 0 without a limit.
 */
export function shareOf(meter: IMeter): number {
  return meter.limit ? Math.min(1, meter.used / meter.limit) : 0;
}

/**
 * The meter that will end the run first.
 */
export function tightest(meters: readonly IMeter[]): IMeter | null {
  return meters.reduce<IMeter | null>(
    (best, meter) =>
      meter.limit !== null && (!best || shareOf(meter) > shareOf(best))
        ? meter
        : best,
    null
  );
}
