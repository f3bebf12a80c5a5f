import type { AgentSection, EventEntry } from './generated/api';
import type {
  ApprovalAnswered,
  ApprovalAsked,
  CellAdded,
  CellFinished,
  Finding,
  HypothesisNoted,
  RunEnded,
  Score
} from './generated/events';

type CellKind = CellAdded['kind'];
export type CellStatus = CellFinished['status'];

/**
 * A cell of the run, as its events last left it.
 */
export interface ICellState {
  readonly id: string;
  readonly kind: CellKind;
  readonly source: string;
  /**
   * Its place among the run's cells, from 1.
   */
  readonly number: number;
  /**
   * Null: it has not run since it was added, edited since it last began, or its
   * output has changed since it ended.
   */
  readonly status: null | 'running' | CellStatus;
  /**
   * Whether it was edited while it runs, so that it must run again.
   */
  readonly edited: boolean;
  /**
   * Whether its output has changed since it ended: it shows something else than what it ended with.
   */
  readonly changedLate: boolean;
  readonly executionCount: number | null;
  readonly durationS: number | null;
}

/**
 * What the run does at this moment; the sidebar puts it into words.
 */
export type Phase =
  | { readonly kind: 'starting' }
  | { readonly kind: 'opening' }
  | { readonly kind: 'loading'; readonly stage: IStage }
  | { readonly kind: 'thinking' }
  | {
      readonly kind: 'cell';
      readonly cellId: string;
      readonly progress: string;
    }
  | { readonly kind: 'provider'; readonly wait: IProviderWait }
  | { readonly kind: 'organism_lost'; readonly reason: string }
  | { readonly kind: 'kernel_died'; readonly reason: string }
  | { readonly kind: 'approval' }
  | {
      readonly kind: 'restoring';
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'paused' }
  | { readonly kind: 'ended' };

interface IProviderWait {
  readonly reason: string;
  /**
   * When it is asked again; Unix time in seconds.
   */
  readonly until: number;
}

export interface IStage {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /**
   * When it was first heard of, and when it was over; Unix time in seconds.
   */
  readonly from: number;
  readonly to: number | null;
}

export interface IOrganism {
  readonly state: 'absent' | 'loading' | 'ready' | 'busy' | 'lost';
  readonly stages: readonly IStage[];
  readonly device: string;
  readonly loadS: number | null;
  /**
   * Whether it is on another machine than the run.
   */
  readonly remote: boolean;
  /**
   * Why it went, for `lost`.
   */
  readonly reason: string;
  readonly restarting: boolean;
}

export interface IHypothesis {
  readonly claim: string;
  readonly status: HypothesisNoted['status'];
  readonly evidence: readonly string[];
  readonly effectSize: number | null;
  readonly n: number | null;
}

/**
 * The agent's latest reply, as far as it has come.
 */
interface IReply {
  readonly step: number;
  readonly thinking: string;
  readonly text: string;
  readonly done: boolean;
}

/**
 * One step of the agent: what it said, and what it did to which cells.
 */
export interface IStep {
  readonly number: number;
  /**
   * Number of the event that began it, for replay.
   */
  readonly seq: number;
  readonly at: number;
  readonly text: string;
  readonly tools: readonly string[];
  readonly errors: number;
  readonly cells: readonly string[];
  /**
   * The code cell that ended last in it.
   */
  readonly lastEnded: string | null;
}

/**
 * What was said in a run: by the agent, by a person, or by the run to the agent.
 */
export interface ISaid {
  /**
   * Number of its event.
   */
  readonly seq: number;
  readonly at: number;
  readonly who: 'agent' | 'person' | 'run';
  readonly text: string;
  /**
   * Of the agent: the step in which it said it. Of a message: the step that the agent saw it in; null until then.
   */
  readonly step: number | null;
  /**
   * The answer to the agent's question whether a cell may run, in place of a text.
   */
  readonly answer: {
    readonly decision: ApprovalAnswered['decision'];
    readonly cellId: string;
  } | null;
}

/**
 * One run as a fold over its events.
 */
export interface RunState {
  /**
   * Number of the last event that is part of this state; 0 for none.
   */
  readonly seq: number;
  readonly status: 'running' | RunEnded['status'];
  /**
   * What it waits for a person to do.
   */
  readonly waiting: 'approval' | 'paused' | null;
  readonly paused: boolean;
  /**
   * Code that is to be approved, also while the run is ended: it is asked for again when it goes on.
   */
  readonly approval: ApprovalAsked | null;
  readonly agent: string;
  /**
   * The agent section of its config, as it began; null before that is known.
   */
  readonly agentSection: AgentSection | null;
  readonly seed: number;
  /**
   * The run and its cell that this one began as a copy of.
   */
  readonly forkedFrom: { readonly run: string; readonly cellId: string } | null;
  readonly title: string;
  readonly task: string;
  /**
   * Names of budgets that are used up.
   */
  readonly reached: readonly string[];
  readonly phase: Phase;
  readonly reply: IReply;
  /**
   * In the notebook's order.
   */
  readonly cells: readonly ICellState[];
  readonly runningCell: string | null;
  /**
   * The code cell that ended last, which a fork goes on from.
   */
  readonly lastEnded: string | null;
  /**
   * How far the running cell's call is, such as `logit_lens 64 %`; empty where it does not say.
   */
  readonly progress: string;
  readonly hypotheses: readonly IHypothesis[];
  /**
   * Null before any were submitted; empty says that nothing was found.
   */
  readonly findings: readonly Finding[] | null;
  /**
   * What the findings still lacked when they were accepted all the same.
   */
  readonly problems: readonly string[];
  readonly summary: string;
  readonly organism: IOrganism;
  readonly veil: string;
  readonly kernel: 'absent' | 'alive' | 'dead';
  /**
   * What the server calls the last one; null where it is no kernel of this server's.
   */
  readonly kernelId: string | null;
  /**
   * Set while earlier cells run again in a new kernel.
   */
  readonly restoring: { readonly done: number; readonly total: number } | null;
  /**
   * Why the kernel went, for `dead`.
   */
  readonly kernelReason: string;
  /**
   * Set while the agent's provider keeps the run waiting.
   */
  readonly provider: IProviderWait | null;
  readonly steps: readonly IStep[];
  /**
   * What agent and person said, in order.
   */
  readonly thread: readonly ISaid[];
  /**
   * The events that a person may want to read one by one.
   */
  readonly log: readonly EventEntry[];
  /**
   * Why it ended as it did.
   */
  readonly endMessage: string;
  readonly score: Score | null;
}

/**
 * A run of which nothing is known yet.
 */
export const NOTHING: RunState = {
  seq: 0,
  status: 'running',
  waiting: null,
  paused: false,
  approval: null,
  agent: '',
  agentSection: null,
  seed: 0,
  forkedFrom: null,
  title: '',
  task: '',
  reached: [],
  phase: { kind: 'starting' },
  reply: { step: 0, thinking: '', text: '', done: true },
  cells: [],
  runningCell: null,
  lastEnded: null,
  progress: '',
  hypotheses: [],
  findings: null,
  problems: [],
  summary: '',
  organism: {
    state: 'absent',
    stages: [],
    device: '',
    loadS: null,
    remote: false,
    reason: '',
    restarting: false
  },
  veil: '',
  kernel: 'absent',
  kernelId: null,
  kernelReason: '',
  restoring: null,
  provider: null,
  steps: [],
  thread: [],
  log: [],
  endMessage: '',
  score: null
};
