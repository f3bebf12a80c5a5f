import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type {
  AnswerApproval,
  ChangeAgent,
  ConfigCard,
  EventEntry,
  ForkRun,
  OrganismReply,
  OrganismState,
  Problem,
  ResumeRun,
  Reveal,
  RunComparison,
  RunFigures,
  RunSummary,
  ServerInfo,
  StartRun
} from './generated/api';
import type { RunState } from './state';

/**
 * A body as callers give it; the service chooses the id that makes a retry harmless.
 */
export type WithoutId<T> = Omit<T, 'request_id'>;

/**
 * How the events of a run reach the browser. `live`: over the WebSocket; `polling`: over plain requests;
 * `offline`: neither gets through for now; `closed`: nobody listens, or the run was deleted.
 */
export type Connection =
  'connecting' | 'live' | 'polling' | 'offline' | 'closed';

/**
 * One run, followed as long as the model is not disposed.
 */
export interface IRunModel extends IDisposable {
  readonly id: string;

  /**
   * The run in a list, as last fetched.
   */
  readonly summary: RunSummary;

  /**
   * All that the events say; an immutable value that is replaced when it changes.
   */
  readonly state: RunState;

  /**
   * What it has used up, as the server counts it.
   */
  readonly figures: RunFigures;

  readonly connection: Connection;

  /**
   * Emitted at most once per animation frame.
   */
  readonly changed: ISignal<IRunModel, void>;

  /**
   * Every event exactly once and in order, the replayed ones too.
   */
  readonly eventReceived: ISignal<IRunModel, EventEntry>;

  /**
   * Resolves when the journal as of connecting has been replayed.
   */
  readonly ready: Promise<void>;
}

/**
 * What keeps the sidebar from working as a whole.
 */
export interface IServiceProblem extends Problem {
  code: 'missing' | 'older' | 'newer' | 'offline' | 'error';
}

/**
 * The server's configs, runs and organisms, and everything that can be done to them.
 *
 * Commands reject with an `ApiError`, whose message is one sentence for a person.
 */
export interface IInvestigations {
  /**
   * Null until the server half has answered once.
   */
  readonly info: ServerInfo | null;
  readonly problem: IServiceProblem | null;
  readonly configs: readonly ConfigCard[];
  /**
   * Newest first.
   */
  readonly runs: readonly RunSummary[];
  readonly organisms: readonly OrganismState[];

  /**
   * `info`, `problem` or one of the lists has changed.
   */
  readonly listsChanged: ISignal<IInvestigations, void>;

  /**
   * The run that the sidebar shows.
   */
  readonly current: IRunModel | null;
  readonly currentChanged: ISignal<IInvestigations, IRunModel | null>;

  /**
   * Show a run, or none.
   */
  setCurrent(runId: string | null): void;

  /**
   * The model of a run, the same one on each call until it is disposed.
   */
  open(runId: string): IRunModel;

  /**
   * The running run whose notebook has this contents path.
   */
  liveRunOf(path: string): IRunModel | null;

  /**
   * Whether a run, ended or not, has its cells in the notebook at this contents path.
   */
  hasRun(path: string): boolean;

  start(body: WithoutId<StartRun>): Promise<IRunModel>;

  /**
   * Start a new run that goes its own way from a cell of another; that one stays as it is.
   */
  fork(runId: string, body: WithoutId<ForkRun>): Promise<IRunModel>;
  pause(runId: string): Promise<void>;
  unpause(runId: string): Promise<void>;
  stop(runId: string): Promise<void>;
  resume(runId: string, limits?: WithoutId<ResumeRun>): Promise<void>;
  message(runId: string, text: string): Promise<void>;
  answer(runId: string, answer: WithoutId<AnswerApproval>): Promise<void>;
  /**
   * Go on with another model, or with other cells to be approved.
   */
  choose(runId: string, agent: Partial<WithoutId<ChangeAgent>>): Promise<void>;
  score(runId: string): Promise<void>;

  /**
   * Delete a run from the journal; its notebook stays.
   */
  remove(runId: string): Promise<void>;

  /**
   * Stop an organism that no run uses, so that its memory is free.
   */
  release(organism: string): Promise<void>;

  /**
   * Ask a loaded organism something outside of any run; nobody records it.
   */
  ask(organism: string, prompt: string): Promise<OrganismReply>;

  /**
   * Address of the run's report page; `revealed`, with what a scored run looked for.
   */
  reportUrl(runId: string, revealed?: boolean): string;

  /**
   * What a scored run's verdict stands beside, now.
   */
  comparison(runId: string): Promise<RunComparison>;

  /**
   * What a scored run looked for, beside its claims. Only for a person who asks.
   */
  reveal(runId: string): Promise<Reveal>;

  /**
   * All events of a run, from the first.
   */
  history(runId: string): Promise<EventEntry[]>;

  /**
   * What a run had used up right after its event number `at`.
   */
  figuresAt(runId: string, at: number): Promise<RunFigures>;

  /**
   * Fetch the lists again.
   */
  refresh(): Promise<void>;
}

export const IInvestigations = new Token<IInvestigations>(
  'interp-bench-ext:IInvestigations',
  'The investigations of this server: lists, live runs, commands.'
);

/**
 * Takes a person to a run's cells. Implemented beside the notebook.
 */
export interface ICellNavigator {
  /**
   * Open the run's notebook if need be, scroll to the cell and flash it.
   */
  reveal(
    run: IRunModel,
    cellId: string,
    options?: { keepFocus?: boolean }
  ): Promise<void>;

  /**
   * The open notebook that has the run's cells, by its path or else by the run that they name; not opened for it.
   */
  holder(run: IRunModel): Widget | null;

  /**
   * Whether the cell's source differs from what the run last ran; false while its notebook is not open.
   */
  isStale(run: IRunModel, cellId: string): boolean;

  /**
   * What `isStale` says may have changed.
   */
  readonly changed: ISignal<ICellNavigator, void>;
}

export const ICellNavigator = new Token<ICellNavigator>(
  'interp-bench-ext:ICellNavigator',
  "Takes a person to the cells of a run's notebook."
);

/**
 * Plugin and schema that hold the person's settings.
 */
export const SETTINGS_ID = 'interp-bench-ext:plugin';

/**
 * The person's settings; `changed` is emitted once they are loaded, too.
 */
export interface IPreferences {
  readonly values: {
    /**
     * Scroll to the agent's cell while a run works in the notebook.
     */
    readonly followAgent: boolean;
    readonly notifications: boolean;
    /**
     * `playbook`, the name of a model, or empty: as the config has it.
     */
    readonly agent: string;
    readonly approval: '' | NonNullable<StartRun['approval']>;
    readonly maxSteps: number | null;
    readonly maxCostUsd: number | null;
    readonly maxMinutes: number | null;
  };
  readonly changed: ISignal<IPreferences, void>;
}

export const IPreferences = new Token<IPreferences>(
  'interp-bench-ext:IPreferences',
  "The person's settings for investigations."
);
