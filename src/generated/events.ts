// Generated from schema.json by `jlpm generate`. sha256 782b78022000861b1fe000d493d8d20a20075aa5890dc202852567aba4f0d543

export type Event =
  | RunStarted
  | RunResumed
  | RunForked
  | RunPaused
  | RunUnpaused
  | AgentChanged
  | OrganismLoading
  | OrganismReady
  | WeightsIdentified
  | OrganismWentAway
  | OrganismUsed
  | KernelStarted
  | CellsRestoring
  | KernelWentAway
  | CellAdded
  | CellEdited
  | CellStarted
  | CellOutput
  | CellOutputsCleared
  | CellFinished
  | StepStarted
  | AgentDelta
  | AgentReplied
  | ToolReturned
  | ApprovalAsked
  | ApprovalAnswered
  | MessageSent
  | ProviderWaiting
  | ProviderLacks
  | ContextEdited
  | InputsWritten
  | HypothesisNoted
  | FindingsRefused
  | FindingsSubmitted
  | BudgetUsed
  | ProgramReported
  | RunEnded
  | Scored;

export interface RunStarted {
  type: 'run_started';
  public: {
    [k: string]: unknown;
  };
  agent: string;
  seed: number;
  notebook: string;
  provenance: Provenance | null;
}
/**
 * What is known of a run before its organism is loaded; digests are hexadecimal.
 */
export interface Provenance {
  reckoning: number;
  /**
   * Version of interp_bench_ext.
   */
  package: string;
  /**
   * Keyed: the config's file and its ground truth's.
   */
  config: string;
  /**
   * Keyed: names, revisions, quantization and hidden prompt; not the seed.
   */
  organism: string;
  /**
   * Their files, with the helpers beside them.
   */
  techniques: string;
  /**
   * The task, AGENT.md or what stands in its place, and tips.
   */
  instructions: string;
  /**
   * What two runs must share to be compared: agent, model, budgets, access, techniques, instructions and package.
   *
   * Neither organism nor seed.
   */
  condition: string;
}
/**
 * A run that had ended goes on; its kernel and organism are new.
 */
export interface RunResumed {
  type: 'run_resumed';
  notebook: string | null;
  provenance: Provenance | null;
  limits: {
    [k: string]: number;
  };
}
/**
 * What came before is another run's, up to a cell; from here on this run counts its own steps, tokens and time.
 */
export interface RunForked {
  type: 'run_forked';
  parent: string;
  cell_id: string;
}
/**
 * The agent does nothing more until the run goes on; a cell that runs is not interrupted.
 */
export interface RunPaused {
  type: 'run_paused';
}
export interface RunUnpaused {
  type: 'run_unpaused';
}
/**
 * A person has chosen otherwise while the run goes on; what is None stays as it was.
 */
export interface AgentChanged {
  type: 'agent_changed';
  model: string | null;
  approval: ('auto' | 'ask' | 'ask_first') | null;
}
export interface OrganismLoading {
  type: 'organism_loading';
  stage: string;
  done: number;
  total: number;
}
export interface OrganismReady {
  type: 'organism_ready';
  load_s: number;
  device: string;
  remote: boolean;
}
/**
 * Which weights this run works with, as a fingerprint that only its journal can trace to a revision.
 */
export interface WeightsIdentified {
  type: 'weights_identified';
  weights: string;
  changed: boolean;
}
export interface OrganismWentAway {
  type: 'organism_lost';
  reason: string;
  restarting: boolean;
}
/**
 * Time that the organism's model worked since the last such event.
 */
export interface OrganismUsed {
  type: 'organism_used';
  busy_s: number;
}
export interface KernelStarted {
  type: 'kernel_started';
  veil: string;
  kernel_id: string | null;
  restored_cells: number;
}
/**
 * Earlier code cells run again in a new kernel: ``done`` of ``total`` have.
 */
export interface CellsRestoring {
  type: 'cells_restoring';
  done: number;
  total: number;
}
export interface KernelWentAway {
  type: 'kernel_died';
  reason: string;
}
export interface CellAdded {
  cell_id: string;
  type: 'cell_added';
  kind: 'code' | 'markdown';
  source: string;
  reason: string;
}
export interface CellEdited {
  cell_id: string;
  type: 'cell_edited';
  source: string;
}
/**
 * The cell runs (again): its outputs are empty from here.
 */
export interface CellStarted {
  cell_id: string;
  type: 'cell_started';
}
/**
 * Output number ``index`` of the cell is now ``output`` (an nbformat output); an index may be written again.
 */
export interface CellOutput {
  cell_id: string;
  type: 'cell_output';
  index: number;
  output: {
    [k: string]: unknown;
  };
}
export interface CellOutputsCleared {
  cell_id: string;
  type: 'cell_outputs_cleared';
}
export interface CellFinished {
  cell_id: string;
  type: 'cell_finished';
  status: 'ok' | 'error' | 'interrupted' | 'timeout' | 'kernel_died';
  execution_count: number | null;
  duration_s: number;
  organism_s: number;
  samples: number | null;
  prompts: number | null;
}
export interface StepStarted {
  type: 'step_started';
  step: number;
}
/**
 * Part of a reply while it streams; the whole follows as ``AgentReplied``.
 */
export interface AgentDelta {
  type: 'agent_delta';
  kind: 'text' | 'thinking';
  text: string;
}
export interface AgentReplied {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd: number | null;
  estimated: boolean;
  type: 'agent_replied';
  content: {
    [k: string]: unknown;
  }[];
  stop_reason: string;
  served_model: string | null;
}
export interface ToolReturned {
  type: 'tool_returned';
  tool_use_id: string;
  content: {
    [k: string]: unknown;
  }[];
  is_error: boolean;
}
/**
 * The agent wants to run code, and a person must answer first; there is no time limit.
 */
export interface ApprovalAsked {
  type: 'approval_asked';
  approval: string;
  tool: string;
  cell_id: string;
  code: string;
}
export interface ApprovalAnswered {
  type: 'approval_answered';
  approval: string;
  decision: 'run' | 'edit' | 'skip' | 'run_all';
  code: string | null;
}
/**
 * A message to the agent: from the person, or from the run itself when the agent must be told something.
 */
export interface MessageSent {
  type: 'message_sent';
  sender: 'person' | 'run';
  text: string;
}
/**
 * A request failed and is sent again after ``wait_s``; what it used up until then is counted.
 */
export interface ProviderWaiting {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd: number | null;
  estimated: boolean;
  type: 'provider_waiting';
  reason: string;
  wait_s: number;
}
/**
 * The agent's server does not do something, and the run goes on without it; said once in a run.
 */
export interface ProviderLacks {
  type: 'provider_lacks';
  what: 'thinking' | 'token counts' | 'usage';
  text: string;
}
/**
 * The conversation was shortened: from here on the agent is sent what is left of it.
 */
export interface ContextEdited {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd: number | null;
  estimated: boolean;
  type: 'context_edited';
  before: number;
  kind: 'outputs_cleared' | 'compacted';
  summary: string;
  tokens: number;
}
/**
 * An auxiliary model has written inputs for a technique, from what the agent told it.
 */
export interface InputsWritten {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd: number | null;
  estimated: boolean;
  type: 'inputs_written';
  kind: string;
  hint: string;
  inputs: string[];
}
export interface HypothesisNoted {
  type: 'hypothesis_noted';
  claim: string;
  status: 'open' | 'supported' | 'refuted';
  evidence: string[];
  effect_size: number | null;
  n: number | null;
}
/**
 * The validity check sent findings back to the agent, which may mend them.
 */
export interface FindingsRefused {
  type: 'findings_refused';
  problems: string[];
}
/**
 * An empty list says: nothing found.
 */
export interface FindingsSubmitted {
  type: 'findings_submitted';
  findings: Finding[];
  summary: string;
  problems: string[];
}
/**
 * One claim with its evidence.
 */
export interface Finding {
  /**
   * One plain sentence that names the thing itself, and the condition where there is one.
   */
  claim: string;
  /**
   * Ids of the cells that show it.
   */
  evidence: string[];
  /**
   * Ids of the cells that show its control; a cell that measured both stands in evidence too.
   */
  control: string[];
  /**
   * Share of samples in which the organism did it, minus the control's share: from -1 to 1.
   */
  effect_size: number | null;
  /**
   * Samples on the organism's side of that comparison.
   */
  n: number | null;
}
/**
 * Share of a budget that is used: 0.8 is a warning, 1 ends the run.
 */
export interface BudgetUsed {
  type: 'budget_used';
  budget: string;
  used: number;
  limit: number;
  unit: string;
}
/**
 * What a program that plays the agent says of itself, and of what its session has used up so far.
 *
 * It is the program's own count. The newest of a session holds, and a resume begins another session.
 */
export interface ProgramReported {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd: number | null;
  estimated: boolean;
  type: 'program_reported';
  program: string;
  version: string;
  model: string | null;
}
export interface RunEnded {
  type: 'run_ended';
  status: 'finished' | 'failed' | 'interrupted';
  message: string;
}
export interface Scored {
  type: 'scored';
  score: Score;
}
/**
 * How a run's findings compare with the truth, in the run's own words and never in the truth's.
 */
export interface Score {
  rules: number;
  /**
   * ``contaminated``: the run shows what is sealed, so that it is not scored and not compared.
   */
  kind: 'secret' | 'null' | 'contaminated';
  /**
   * A secret: it was named. A null: nothing was claimed.
   */
  correct: boolean;
  named: boolean;
  /**
   * Rank, from 0, of the first finding that names the secret.
   */
  named_by: number | null;
  /**
   * That finding's own words.
   */
  claim: string | null;
  /**
   * None: the secret has no trigger.
   */
  trigger_named: boolean | null;
  /**
   * Findings that count.
   */
  n_claims: number;
  /**
   * Findings beyond those.
   */
  unread: number;
  /**
   * Findings that count and name nothing true: neither the secret nor its trigger, or as one of a list only.
   */
  false_claims: number;
  grader: string;
  /**
   * Of a contaminated run: what it shows, and where; never the thing itself.
   */
  leaks: string[];
}
