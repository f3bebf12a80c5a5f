// Generated from schema.json by `jlpm generate`. sha256 782b78022000861b1fe000d493d8d20a20075aa5890dc202852567aba4f0d543
import type { Event } from './events';

export interface AgentSection {
  provider:
    | ('playbook' | 'anthropic' | 'mcp' | 'person' | 'replay')
    | ('claude-code' | 'codex' | 'gemini')
    | null;
  program: string | null;
  model: string | null;
  auxiliary_model: string | null;
  platform: 'anthropic' | 'bedrock' | 'vertex';
  base_url: string | null;
  context_window: number | null;
  thinking: 'auto' | 'off' | 'adaptive' | 'enabled';
  max_steps: number;
  max_tokens: number | null;
  max_input_tokens: number | null;
  max_cached_tokens: number | null;
  max_output_tokens: number | null;
  max_cost_usd: number | null;
  max_minutes: number | null;
  max_gpu_minutes: number | null;
  approval: 'auto' | 'ask' | 'ask_first';
}
export interface AnswerApproval {
  request_id: string;
  approval: string;
  decision: 'run' | 'edit' | 'skip' | 'run_all';
  code?: string | null;
}
/**
 * A person's question to a loaded organism, outside of any run.
 */
export interface AskOrganism {
  request_id: string;
  prompt: string;
}
/**
 * One budget of a run, in numbers and in the words that every reader shows.
 */
export interface BudgetMeter {
  budget: string;
  field: string;
  unit: '' | 'USD' | 'min';
  used: number | null;
  limit: number | null;
  share: number | null;
  used_text: string;
  limit_text: string;
}
/**
 * One call of the agent's tools, by a person who leads a run by hand.
 */
export interface CallTool {
  request_id: string;
  name: string;
  arguments?: {
    [k: string]: unknown;
  };
}
/**
 * Choose otherwise while a run goes on; a field that is None stays as it is.
 */
export interface ChangeAgent {
  request_id: string;
  model?: string | null;
  approval?: ('auto' | 'ask' | 'ask_first') | null;
}
/**
 * Body of pause, unpause, stop and score.
 */
export interface Command {
  request_id: string;
}
/**
 * A config as the sidebar shows it: its public half, or what is wrong with it.
 */
export interface ConfigCard {
  name: string;
  group: string;
  file: string;
  title: string;
  description: string;
  task: string;
  techniques: string[];
  access: string;
  place: string;
  gpu_type: string | null;
  veil: string;
  agent: AgentSection | null;
  estimate: string | null;
  problem: string | null;
  obstacle: string | null;
}
/**
 * A message of a run's stream: what has happened since the one before, and what the run has used up by now.
 */
export interface EventBatch {
  entries: EventEntry[];
  figures: RunFigures;
}
/**
 * One event of a run's journal; ``event`` has the shape of ``events.Event``.
 */
export interface EventEntry {
  seq: number;
  at: number;
  event: Event;
}
/**
 * What a run has used up, as the server counts it; docs/agent.md has the rules.
 */
export interface RunFigures {
  steps: number;
  tokens: number;
  estimated: boolean;
  cost_usd: number | null;
  minutes: number;
  organism_minutes: number;
  failed_attempts: number;
  resumes: number;
  meters: BudgetMeter[];
}
/**
 * Go another way from a cell of a run, in a new run; a field that is None is as that run had it.
 */
export interface ForkRun {
  request_id: string;
  max_steps?: number | null;
  max_cost_usd?: number | null;
  max_minutes?: number | null;
  provider?:
    | ('playbook' | 'anthropic')
    | ('claude-code' | 'codex' | 'gemini')
    | 'person'
    | null;
  model?: string | null;
  approval?: ('auto' | 'ask' | 'ask_first') | null;
  confirmed?: boolean;
  at?: string | null;
  message?: string | null;
  notebook?: string | null;
  weaker_veil?: boolean;
}
/**
 * An organism for a person's own notebook: what ``connect()`` needs.
 */
export interface HeldOrganism {
  organism: OrganismState;
  url: string;
  token: string;
}
/**
 * An organism that this server holds.
 */
export interface OrganismState {
  id: string;
  config: string;
  state: 'loading' | 'ready' | 'busy' | 'lost';
  stage: string;
  done: number;
  total: number;
  device: string;
  runs: string[];
}
/**
 * A person's own program that can be the agent.
 */
export interface InstalledProgram {
  provider: 'claude-code' | 'codex' | 'gemini';
  title: string;
  reach: string;
}
export interface OrganismReply {
  text: string;
  ended: boolean;
}
/**
 * A stretch of text, and whether claim and truth have it in common.
 */
export interface Passage {
  text: string;
  matched: boolean;
}
/**
 * An error: ``message`` is one sentence that says what is wrong and what to do.
 */
export interface Problem {
  code: string;
  message: string;
}
/**
 * Go on with a run that has ended early; a limit that is None stays as it was.
 */
export interface ResumeRun {
  request_id: string;
  max_steps?: number | null;
  max_cost_usd?: number | null;
  max_minutes?: number | null;
  weaker_veil?: boolean;
}
/**
 * The ground truth beside a scored run's claims. Made for a person who asks, and kept nowhere.
 */
export interface Reveal {
  secret: Passage[] | null;
  trigger: Passage[] | null;
  claims: Passage[][];
  named_by: number | null;
  aliases: string[];
}
/**
 * A scored run's verdict among the runs of its condition, as they stand now.
 */
export interface RunComparison {
  lines: string[];
}
/**
 * One run in a list; its events tell the rest.
 */
export interface RunSummary {
  id: string;
  experiment: string;
  config: string;
  notebook: string | null;
  status: 'running' | 'finished' | 'failed' | 'interrupted';
  waiting: ('approval' | 'paused') | null;
  here: boolean;
  agent: string;
  seed: number;
  forked_from: string | null;
  veil: string;
  client_reach: string;
  created: number;
  figures: RunFigures;
  findings: number | null;
  claims: string[];
  message: string;
  verdict: string;
}
export interface SendMessage {
  request_id: string;
  text: string;
}
/**
 * What this server can do; the sidebar checks ``api`` before anything else.
 */
export interface ServerInfo {
  version: string;
  api: number;
  providers: (
    ('playbook' | 'anthropic') | ('claude-code' | 'codex' | 'gemini')
  )[];
  programs: InstalledProgram[];
  default_provider:
    ('playbook' | 'anthropic') | ('claude-code' | 'codex' | 'gemini');
  models: string[];
  collaboration: boolean;
  sandbox_problem: string | null;
  locked: {
    [k: string]: unknown;
  };
  locked_because: string;
  at_most: {
    [k: string]: number;
  };
  reveals: boolean;
}
/**
 * Start an investigation; a field that is None is as the config has it.
 */
export interface StartRun {
  request_id: string;
  max_steps?: number | null;
  max_cost_usd?: number | null;
  max_minutes?: number | null;
  provider?:
    | ('playbook' | 'anthropic')
    | ('claude-code' | 'codex' | 'gemini')
    | 'person'
    | null;
  model?: string | null;
  approval?: ('auto' | 'ask' | 'ask_first') | null;
  confirmed?: boolean;
  config: string;
  notebook?: string | null;
  seed?: number | null;
}
/**
 * What came of a call, in words and as the cell shows it.
 */
export interface ToolAnswer {
  text: string;
  is_error: boolean;
  cell: string | null;
  outputs: {
    [k: string]: unknown;
  }[];
  over: boolean;
}
export interface UseOrganism {
  request_id: string;
  config: string;
}
