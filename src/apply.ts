import type { Draft } from './draft';
import type { AgentSection, EventEntry } from './generated/api';
import type {
  AgentReplied,
  Event,
  RunForked,
  RunStarted
} from './generated/events';
import { progressOf } from './progress';
import { say, see } from './said';
import type { RunState } from './state';
import { NOTHING } from './state';

type Apply<T extends Event['type']> = (
  draft: Draft,
  event: Extract<Event, { type: T }>,
  entry: EventEntry
) => void;

function begin(draft: Draft, event: RunStarted): void {
  const { state } = draft;
  const said = event.public;
  state.status = 'running';
  state.agent = event.agent;
  state.agentSection = (said.agent as AgentSection | undefined) ?? null;
  state.seed = event.seed;
  state.title = String(said.experiment_name ?? '');
  state.task = String(said.task ?? '');
}

/**
 * What was under way when the run was cut off is over.
 */
function cutOff(draft: Draft): void {
  const { state } = draft;
  if (state.runningCell) {
    const stale = isEdited(state, state.runningCell);
    draft.patchCell(state.runningCell, {
      status: stale ? null : 'interrupted',
      edited: false
    });
  }
  state.runningCell = null;
  state.progress = '';
  state.provider = null;
  if (!state.reply.done) {
    draft.patch('reply', { done: true });
  }
}

function resume(draft: Draft): void {
  const { state } = draft;
  cutOff(draft);
  state.status = 'running';
  state.paused = false;
  state.endMessage = '';
  state.reached = [];
  state.kernel = 'absent';
  draft.patch('organism', { state: 'absent', stages: [], reason: '' });
}

/**
 * What came before is another run's: it stands, but this run has used nothing yet.
 */
function fork(draft: Draft, event: RunForked): void {
  const { state } = draft;
  resume(draft);
  state.forkedFrom = { run: event.parent, cellId: event.cell_id };
  state.approval = null;
  state.reply = NOTHING.reply;
}

function load(
  draft: Draft,
  event: { stage: string; done: number; total: number },
  at: number
): void {
  const { stages } = draft.state.organism;
  const last = stages.at(-1);
  const same = last?.stage === event.stage;
  const earlier = same ? stages.slice(0, -1) : closed(draft, at);
  const from = same ? last.from : at;
  const stage = {
    stage: event.stage,
    done: event.done,
    total: event.total,
    from,
    to: null
  };
  draft.patch('organism', { state: 'loading', stages: [...earlier, stage] });
}

function closed(draft: Draft, at: number): RunState['organism']['stages'] {
  return draft.state.organism.stages.map(stage =>
    stage.to === null ? { ...stage, to: at } : stage
  );
}

function reply(draft: Draft, event: AgentReplied, entry: EventEntry): void {
  const { state } = draft;
  const said = (kind: 'text' | 'thinking'): string =>
    event.content
      .filter(block => block.type === kind)
      .map(block => String(block[kind] ?? ''))
      .filter(part => part.trim())
      .join('\n\n');
  const text = said('text');
  if (text) {
    say(draft, entry, { who: 'agent', text, step: state.reply.step });
  }
  draft.patch('reply', {
    text,
    thinking: said('thinking') || state.reply.thinking,
    done: true
  });
  state.provider = null;
  const tools = event.content
    .filter(block => block.type === 'tool_use')
    .map(block => String(block.name));
  draft.patchStep(step => ({ text, tools: [...step.tools, ...tools] }));
}

function isEdited(state: RunState, cellId: string): boolean {
  return state.cells.some(({ id, edited }) => id === cellId && edited);
}

function touch(draft: Draft, cellId: string): void {
  draft.patchStep(step =>
    step.cells.includes(cellId) ? {} : { cells: [...step.cells, cellId] }
  );
}

/**
 * Its output changed after it had ended: it must run again before it shows anything.
 */
function showsAnother(draft: Draft, cellId: string): void {
  draft.patchCell(cellId, { status: null, changedLate: true });
}

/**
 * What each event does to a state.
 */
export const APPLY: { [T in Event['type']]: Apply<T> } = {
  run_started: begin,
  run_resumed: resume,
  run_forked: fork,
  run_paused: ({ state }) => {
    state.paused = true;
  },
  run_unpaused: ({ state }) => {
    state.paused = false;
  },
  agent_changed: ({ state }, { model, approval }) => {
    if (state.agentSection) {
      state.agentSection = {
        ...state.agentSection,
        ...(model ? { model } : {}),
        ...(approval ? { approval } : {})
      };
    }
  },
  organism_loading: (draft, event, { at }) => load(draft, event, at),
  organism_ready: (draft, event, { at }) =>
    draft.patch('organism', {
      state: 'ready',
      stages: closed(draft, at),
      device: event.device,
      loadS: event.load_s,
      remote: event.remote,
      reason: ''
    }),
  weights_identified: () => {},
  organism_lost: (draft, event) =>
    draft.patch('organism', {
      state: 'lost',
      stages: [],
      reason: event.reason,
      restarting: event.restarting
    }),
  organism_used: () => {},
  cells_restoring: ({ state }, { done, total }) => {
    state.restoring = { done, total };
  },
  kernel_started: ({ state }, event) => {
    state.kernel = 'alive';
    state.restoring = null;
    state.kernelId = event.kernel_id ?? null; // an older journal lacks it
    state.veil = event.veil;
  },
  kernel_died: ({ state }, event) => {
    state.kernel = 'dead';
    state.restoring = null;
    state.kernelReason = event.reason;
  },
  cell_added: (draft, event) => {
    const { cells } = draft.state;
    if (!cells.some(cell => cell.id === event.cell_id)) {
      draft.push('cells', {
        id: event.cell_id,
        kind: event.kind,
        source: event.source,
        number: cells.length + 1,
        status: null,
        edited: false,
        changedLate: false,
        executionCount: null,
        durationS: null
      });
      touch(draft, event.cell_id);
    }
  },
  cell_edited: (draft, event) => {
    const edited = event.cell_id === draft.state.runningCell;
    const status = edited ? 'running' : null;
    draft.patchCell(event.cell_id, { source: event.source, status, edited });
    touch(draft, event.cell_id);
  },
  cell_started: (draft, event) => {
    draft.patchCell(event.cell_id, {
      status: 'running',
      edited: false,
      changedLate: false,
      durationS: null
    });
    draft.state.runningCell = event.cell_id;
    draft.state.progress = '';
    touch(draft, event.cell_id);
  },
  cell_output: (draft, event) => {
    const { state } = draft;
    if (event.cell_id === state.runningCell) {
      state.progress = progressOf(event.output) ?? state.progress;
    } else {
      showsAnother(draft, event.cell_id);
    }
  },
  cell_outputs_cleared: (draft, event) => {
    draft.state.progress = '';
    if (event.cell_id !== draft.state.runningCell) {
      showsAnother(draft, event.cell_id);
    }
  },
  cell_finished: (draft, event) => {
    // What it shows is not what it says any more: it must run again.
    const stale = isEdited(draft.state, event.cell_id);
    draft.patchCell(event.cell_id, {
      status: stale ? null : event.status,
      edited: false,
      executionCount: event.execution_count,
      durationS: event.duration_s
    });
    draft.state.runningCell = null;
    draft.state.progress = '';
    draft.state.lastEnded = event.cell_id;
    draft.patchStep(() => ({ lastEnded: event.cell_id }));
  },
  step_started: (draft, event, entry) => {
    const { state } = draft;
    see(draft, event.step);
    const again = event.step === state.reply.step;
    state.reply = { step: event.step, thinking: '', text: '', done: false };
    if (again) {
      // After a resume the reply that was under way is asked for again.
      return;
    }
    draft.push('steps', {
      number: event.step,
      seq: entry.seq,
      at: entry.at,
      text: '',
      tools: [],
      errors: 0,
      cells: [],
      lastEnded: null
    });
  },
  agent_delta: (draft, { kind, text }) => {
    const { state } = draft;
    state.provider = null;
    draft.patch('reply', { [kind]: state.reply[kind] + text });
  },
  agent_replied: reply,
  tool_returned: (draft, event) => {
    if (event.is_error) {
      draft.patchStep(step => ({ errors: step.errors + 1 }));
    }
  },
  approval_asked: ({ state }, event) => {
    state.approval = event;
  },
  approval_answered: (draft, event, entry) => {
    const cellId = draft.state.approval?.cell_id ?? '';
    const answer = { decision: event.decision, cellId };
    say(draft, entry, { who: 'person', answer });
    draft.state.approval = null;
  },
  message_sent: (draft, event, entry) =>
    say(draft, entry, { who: event.sender, text: event.text }),
  provider_lacks: () => {},
  program_reported: () => {},
  context_edited: () => {},
  inputs_written: () => {},
  findings_refused: () => {},
  provider_waiting: (draft, event, { at }) => {
    // A reply that broke off begins again.
    draft.patch('reply', { text: '', thinking: '' });
    draft.state.provider = { reason: event.reason, until: at + event.wait_s };
  },
  hypothesis_noted: (draft, event) => {
    const noted = {
      claim: event.claim,
      status: event.status,
      evidence: event.evidence,
      effectSize: event.effect_size,
      n: event.n
    };
    const at = draft.state.hypotheses.findIndex(
      hypothesis => hypothesis.claim === event.claim
    );
    if (at < 0) {
      draft.push('hypotheses', noted);
    } else {
      draft.replace('hypotheses', at, noted);
    }
  },
  findings_submitted: ({ state }, event) => {
    // Journals of earlier versions know neither controls nor problems.
    state.findings = event.findings.map(finding => ({
      ...finding,
      control: finding.control ?? []
    }));
    state.problems = event.problems ?? [];
    state.summary = event.summary;
  },
  budget_used: (draft, event) => {
    if (event.used >= event.limit) {
      draft.push('reached', event.budget);
    }
  },
  run_ended: (draft, event) => {
    cutOff(draft);
    draft.state.status = event.status;
    draft.state.endMessage = event.message;
  },
  scored: ({ state }, event) => {
    state.score = event.score;
  }
};
