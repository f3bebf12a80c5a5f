import type { Phase, RunState } from './state';

type Facts = Omit<RunState, 'phase'>;

/**
 * What the run does at this moment, from all else that is known of it.
 */
export function phaseOf(state: Facts): Phase {
  if (state.status !== 'running') {
    return { kind: 'ended' };
  }
  return waits(state) ?? trouble(state) ?? works(state);
}

function waits(state: Facts): Phase | null {
  if (state.approval) {
    return { kind: 'approval' };
  }
  // A cell that runs while the run is paused still runs to its end.
  return state.paused && !state.runningCell ? { kind: 'paused' } : null;
}

function trouble(state: Facts): Phase | null {
  if (state.organism.state === 'lost') {
    return { kind: 'organism_lost', reason: state.organism.reason };
  }
  if (state.kernel === 'dead') {
    return { kind: 'kernel_died', reason: state.kernelReason };
  }
  return state.provider ? { kind: 'provider', wait: state.provider } : null;
}

function works(state: Facts): Phase {
  const stage = state.organism.stages.at(-1);
  if (state.organism.state === 'loading' && stage) {
    return { kind: 'loading', stage };
  }
  if (state.restoring) {
    return { kind: 'restoring', ...state.restoring };
  }
  if (state.runningCell) {
    return {
      kind: 'cell',
      cellId: state.runningCell,
      progress: state.progress
    };
  }
  if (state.kernel !== 'absent' && state.reply.step > 0) {
    return { kind: 'thinking' };
  }
  const nothing =
    state.organism.state === 'absent' && state.kernel === 'absent';
  return { kind: nothing ? 'starting' : 'opening' };
}

/**
 * The phase before, where nothing about it changed.
 */
export function settled(before: Phase, after: Phase): Phase {
  return JSON.stringify(before) === JSON.stringify(after) ? before : after;
}
