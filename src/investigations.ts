import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type {
  AnswerApproval,
  ChangeAgent,
  ConfigCard,
  EventEntry,
  ForkRun,
  OrganismReply,
  OrganismState,
  ResumeRun,
  Reveal,
  RunComparison,
  RunFigures,
  RunSummary,
  ServerInfo,
  StartRun
} from './generated/api';
import type { Api, ICommands } from './request';
import { ApiError } from './request';
import { Lists, TELLING } from './lists';
import { RunModel } from './model';
import type {
  IInvestigations,
  IRunModel,
  IServiceProblem,
  WithoutId
} from './tokens';

/**
 * How many ended runs stay loaded.
 */
const KEPT = 6;

/**
 * What a person must agree to first, by the code of the error that says so: the field that says that one has.
 */
const AGREED: { readonly [code: string]: Agreement | undefined } = {
  unconfirmed: 'confirmed',
  weaker_veil: 'weaker_veil'
};

export type Agreement = 'confirmed' | 'weaker_veil';

/**
 * The server's investigations: the lists are polled, runs that are open are followed.
 */
export class Investigations implements IInvestigations, IDisposable {
  constructor(
    private readonly _api: Api,
    private readonly _contents: Contents.IManager,
    private readonly _trans: TranslationBundle,
    /**
     * Asks a person whether to start in spite of what a sentence says.
     */
    private readonly _agrees: (
      to: Agreement,
      sentence: string
    ) => Promise<boolean>
  ) {
    this._lists = new Lists(_api, _trans);
    this._lists.changed.connect(this._onLists, this);
    _contents.fileChanged.connect(this._onFile, this);
  }

  get info(): ServerInfo | null {
    return this._lists.content.info;
  }

  get problem(): IServiceProblem | null {
    return this._lists.content.problem;
  }

  get configs(): readonly ConfigCard[] {
    return this._lists.content.configs;
  }

  get runs(): readonly RunSummary[] {
    return this._lists.content.runs;
  }

  get organisms(): readonly OrganismState[] {
    return this._lists.content.organisms;
  }

  get listsChanged(): ISignal<IInvestigations, void> {
    return this._listsChanged;
  }

  get current(): IRunModel | null {
    return this._current;
  }

  get currentChanged(): ISignal<IInvestigations, IRunModel | null> {
    return this._currentChanged;
  }

  get isDisposed(): boolean {
    return this._lists.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._lists.dispose();
    this._contents.fileChanged.disconnect(this._onFile, this);
    this._models.forEach(model => model.dispose());
    this._models.clear();
    Signal.clearData(this);
  }

  setCurrent(runId: string | null): void {
    const model = runId === null ? null : this.open(runId);
    this._chosen = true;
    if (model !== this._current) {
      this._current = model;
      this._currentChanged.emit(model);
    }
  }

  open(runId: string): IRunModel {
    const known = this._models.get(runId);
    if (known) {
      // The order of the map is that of the last use.
      this._models.delete(runId);
      this._models.set(runId, known);
      return known;
    }
    const summary = this.runs.find(run => run.id === runId);
    if (!summary) {
      throw new ApiError(
        'no_such_run',
        this._trans.__('There is no run %1; it may have been deleted.', runId),
        404
      );
    }
    return this._follow(summary);
  }

  liveRunOf(path: string): IRunModel | null {
    const local = this._contents.localPath(path);
    const run = this.runs.find(
      run => run.status === 'running' && run.notebook === local
    );
    return run ? this.open(run.id) : null;
  }

  hasRun(path: string): boolean {
    const local = this._contents.localPath(path);
    return this.runs.some(run => run.notebook === local);
  }

  async start(body: WithoutId<StartRun>): Promise<IRunModel> {
    const summary = await this._confirming(body, agreed =>
      this._once(`start ${JSON.stringify(agreed)}`, id =>
        this._api.start({ ...agreed, request_id: id })
      )
    );
    return this._show(summary);
  }

  async fork(runId: string, body: WithoutId<ForkRun>): Promise<IRunModel> {
    const summary = await this._confirming(body, agreed =>
      this._once(`fork ${runId} ${JSON.stringify(agreed)}`, id =>
        this._api.fork(runId, { ...agreed, request_id: id })
      )
    );
    return this._show(summary);
  }

  pause(runId: string): Promise<void> {
    return this._command(runId, 'pause', {});
  }

  unpause(runId: string): Promise<void> {
    return this._command(runId, 'unpause', {});
  }

  stop(runId: string): Promise<void> {
    return this._command(runId, 'stop', {});
  }

  resume(runId: string, limits: WithoutId<ResumeRun> = {}): Promise<void> {
    return this._confirming(limits, agreed =>
      this._command(runId, 'resume', agreed)
    );
  }

  message(runId: string, text: string): Promise<void> {
    return this._command(runId, 'messages', { text });
  }

  answer(runId: string, answer: WithoutId<AnswerApproval>): Promise<void> {
    return this._command(runId, 'approvals', answer);
  }

  choose(runId: string, agent: Partial<WithoutId<ChangeAgent>>): Promise<void> {
    const unchanged = { model: null, approval: null };
    return this._command(runId, 'agent', { ...unchanged, ...agent });
  }

  score(runId: string): Promise<void> {
    return this._command(runId, 'score', {});
  }

  async remove(runId: string): Promise<void> {
    await this._api.remove(runId);
    if (this._current?.id === runId) {
      this.setCurrent(null);
    }
    this._models.get(runId)?.dispose();
    this._models.delete(runId);
    this._lists.drop(runId);
  }

  async release(organism: string): Promise<void> {
    await this._api.release(organism);
    await this._lists.refresh();
  }

  ask(organism: string, prompt: string): Promise<OrganismReply> {
    return this._api.ask(organism, { prompt, request_id: UUID.uuid4() });
  }

  reportUrl(runId: string, revealed = false): string {
    return this._api.reportUrl(runId, revealed);
  }

  comparison(runId: string): Promise<RunComparison> {
    return this._api.comparison(runId);
  }

  reveal(runId: string): Promise<Reveal> {
    return this._api.reveal(runId);
  }

  /**
   * All events of a run, from the first.
   */
  async history(runId: string): Promise<EventEntry[]> {
    const all: EventEntry[] = [];
    for (;;) {
      const part = await this._api.events(runId, all.at(-1)?.seq ?? 0);
      if (part.length === 0) {
        return all;
      }
      all.push(...part);
    }
  }

  figuresAt(runId: string, at: number): Promise<RunFigures> {
    return this._api.figures(runId, at);
  }

  refresh(): Promise<void> {
    return this._lists.refreshAll();
  }

  /**
   * Carry out a command once: until it is known how it went, the same command has the same id.
   */
  private async _once<T>(
    what: string,
    send: (id: string) => Promise<T>
  ): Promise<T> {
    const id = this._unanswered.get(what) ?? UUID.uuid4();
    this._unanswered.set(what, id);
    try {
      const reply = await send(id);
      this._unanswered.delete(what);
      return reply;
    } catch (error) {
      if (error instanceof ApiError && error.code !== 'offline') {
        this._unanswered.delete(what);
      }
      throw error;
    }
  }

  /**
   * Send, and where a person must agree to something first, send again once one has.
   */
  private async _confirming<B extends object, T>(
    body: B,
    send: (body: B) => Promise<T>
  ): Promise<T> {
    try {
      return await send(body);
    } catch (error) {
      const field = error instanceof ApiError ? AGREED[error.code] : undefined;
      if (!(error instanceof ApiError) || !field || field in body) {
        throw error;
      }
      if (!(await this._agrees(field, error.message))) {
        throw new ApiError('declined', this._trans.__('Not started.'), 0);
      }
      return this._confirming({ ...body, [field]: true }, send);
    }
  }

  private async _command<C extends keyof ICommands>(
    runId: string,
    command: C,
    body: WithoutId<ICommands[C]>
  ): Promise<void> {
    const what = `${command} ${runId} ${JSON.stringify(body)}`;
    const summary = await this._once(what, id =>
      this._api.command(runId, command, {
        ...body,
        request_id: id
      } as ICommands[C])
    );
    this._lists.put(summary);
    void this._lists.refresh();
  }

  /**
   * Show a run that has just been started.
   */
  private _show(summary: RunSummary): IRunModel {
    this._lists.put(summary);
    this.setCurrent(summary.id);
    return this.open(summary.id);
  }

  private _follow(summary: RunSummary): RunModel {
    const model = new RunModel(this._api, summary);
    this._models.set(summary.id, model);
    let replayed = false;
    void model.ready.then(() => {
      replayed = true;
    });
    model.eventReceived.connect((_, { event }) => {
      if (replayed && TELLING.has(event.type)) {
        void this._lists.refresh();
      }
    });
    this._forget();
    return model;
  }

  /**
   * The server lets runs go along with their notebooks.
   */
  private _onFile(_: unknown, { type }: Contents.IChangedArgs): void {
    if (type === 'rename') {
      void this._lists.refresh();
    }
  }

  /**
   * Let go of ended runs that nobody has asked for in a while.
   */
  private _forget(): void {
    const idle = [...this._models.values()].filter(
      model => model !== this._current && model.summary.status !== 'running'
    );
    for (const model of idle.slice(0, -KEPT)) {
      this._models.delete(model.id);
      model.dispose();
    }
  }

  private _onLists(): void {
    for (const summary of this.runs) {
      const model = this._models.get(summary.id);
      if (model) {
        model.summary = summary;
      }
    }
    if (!this._current && !this._chosen) {
      const running = this.runs.find(run => run.status === 'running');
      if (running) {
        this.setCurrent(running.id);
      }
    }
    this._listsChanged.emit();
  }

  /**
   * Whether the person, or the run before this one, decided what to show.
   */
  private _chosen = false;
  private _current: IRunModel | null = null;
  private readonly _currentChanged = new Signal<
    IInvestigations,
    IRunModel | null
  >(this);
  private readonly _lists: Lists;
  private readonly _listsChanged = new Signal<IInvestigations, void>(this);
  private readonly _models = new Map<string, RunModel>();
  /**
   * Commands that may or may not have arrived, with their ids.
   */
  private readonly _unanswered = new Map<string, string>();
}
