import type { Event } from '../generated/events';
import { reduce } from '../reduce';
import type { RunState } from '../state';
import { NOTHING } from '../state';
import { journal, KERNEL, READY, started } from './events';

/**
 * A run whose organism and kernel are ready.
 */
export const OPEN = [started(), READY, KERNEL];

/**
 * The state of a run of which these events are all.
 */
export function after(...events: Event[]): RunState {
  return reduce(NOTHING, journal(events));
}
