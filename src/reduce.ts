import { APPLY } from './apply';
import { Draft } from './draft';
import type { EventEntry } from './generated/api';
import type { Event } from './generated/events';
import { phaseOf, settled } from './phase';
import type { RunState } from './state';

/**
 * The state after `entries`, which follow those that made `state`. Events of an unknown type only count.
 */
export function reduce(
  state: RunState,
  entries: readonly EventEntry[]
): RunState {
  if (entries.length === 0) {
    return state;
  }
  const draft = new Draft(state);
  for (const entry of entries) {
    take(draft, entry);
  }
  const after = draft.state;
  after.waiting = waitingOf(after);
  after.phase = settled(state.phase, phaseOf(after));
  return after;
}

function waitingOf(state: RunState): RunState['waiting'] {
  if (state.status !== 'running') {
    return null;
  }
  return state.approval ? 'approval' : state.paused ? 'paused' : null;
}

function take(draft: Draft, entry: EventEntry): void {
  const { state } = draft;
  const { event } = entry;
  state.seq = entry.seq;
  const apply = APPLY[event.type] as
    ((draft: Draft, event: Event, entry: EventEntry) => void) | undefined;
  apply?.(draft, event, entry);
  if (LOGGED.has(event.type)) {
    draft.push('log', entry);
  }
}

/**
 * Types of events that a person may want to read one by one.
 */
const LOGGED: ReadonlySet<Event['type']> = new Set([
  'run_started',
  'run_resumed',
  'run_forked',
  'run_paused',
  'run_unpaused',
  'agent_changed',
  'organism_ready',
  'weights_identified',
  'organism_lost',
  'kernel_started',
  'kernel_died',
  'cell_finished',
  'approval_asked',
  'approval_answered',
  'message_sent',
  'provider_waiting',
  'provider_lacks',
  'hypothesis_noted',
  'context_edited',
  'inputs_written',
  'findings_refused',
  'findings_submitted',
  'budget_used',
  'run_ended',
  'scored'
] as const);
