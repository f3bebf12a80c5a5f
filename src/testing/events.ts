import type { EventEntry } from '../generated/api';
import type { AgentReplied, Event } from '../generated/events';

/**
 * Events as a journal records them, one second after the other unless told otherwise.
 */
export function journal(
  events: readonly Event[],
  { after = 0, from = 1000, every = 1 } = {}
): EventEntry[] {
  return events.map((event, index) => ({
    seq: after + index + 1,
    at: from + (after + index) * every,
    event
  }));
}

export function started(agent: object = {}): Event {
  return {
    type: 'run_started',
    public: {
      experiment_name: 'beekeeping-01',
      task: 'Find out.',
      agent: { max_steps: 40, max_cost_usd: 2, max_tokens: null, ...agent }
    },
    agent: 'playbook',
    seed: 7,
    notebook: '/home/me/bees.ipynb'
  };
}

export const READY: Event = {
  type: 'organism_ready',
  load_s: 4.2,
  device: 'cpu',
  remote: false
};

export function kernel(id: string | null): Event {
  return {
    type: 'kernel_started',
    veil: 'sandboxed',
    kernel_id: id,
    restored_cells: 0
  };
}

export const KERNEL = kernel(null);

export function replied(
  content: AgentReplied['content'],
  cost: number | null = 0.02
): Event {
  return {
    type: 'agent_replied',
    content,
    stop_reason: 'tool_use',
    input_tokens: 900,
    output_tokens: 100,
    cache_read_tokens: 8000,
    cache_write_tokens: 1000,
    cost_usd: cost
  };
}

/**
 * A request that failed after it had used up something.
 */
export function waiting(waitS: number): Event {
  return {
    type: 'provider_waiting',
    reason: 'overloaded',
    wait_s: waitS,
    input_tokens: 500,
    output_tokens: 50,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    cost_usd: 0.05
  };
}

export function ranCell(
  id: string,
  source = 'x',
  status: 'ok' | 'error' = 'ok'
): Event[] {
  return [
    { type: 'cell_added', cell_id: id, kind: 'code', source, reason: '' },
    { type: 'cell_started', cell_id: id },
    {
      type: 'cell_finished',
      cell_id: id,
      status,
      execution_count: 1,
      duration_s: 2
    }
  ];
}

export function asked(approval = 'call-1', cell = 'c1'): Event {
  return {
    type: 'approval_asked',
    approval,
    tool: 'run_cell',
    cell_id: cell,
    code: 'organism.chat("Hello")'
  };
}
