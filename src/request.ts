import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  AnswerApproval,
  AskOrganism,
  ChangeAgent,
  Command,
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
  SendMessage,
  ServerInfo,
  StartRun
} from './generated/api';

/**
 * The version of the contract that this code was written against.
 */
export const API_VERSION = 2;

const ROOT = 'interp_bench/api';
const TIMEOUT_MS = 30_000;
/**
 * Starting checks the config and opens the notebook first.
 */
const START_TIMEOUT_MS = 120_000;
const RETRY_AFTER_MS = [400, 1600];
/**
 * What a proxy says when the server behind it does not answer.
 */
const PASSING = new Set([502, 503, 504]);

/**
 * A request that did not do what it should. `message` is one sentence for a person.
 */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/**
 * The body of each command on a run.
 */
export interface ICommands {
  pause: Command;
  unpause: Command;
  stop: Command;
  score: Command;
  resume: ResumeRun;
  messages: SendMessage;
  approvals: AnswerApproval;
  agent: ChangeAgent;
}

/**
 * The server half's routes.
 *
 * A body with a `request_id` is sent again when the connection fails: the server carries it out once.
 */
export class Api {
  constructor(
    readonly settings: ServerConnection.ISettings,
    private readonly _trans: TranslationBundle,
    private readonly _retryAfterMs: readonly number[] = RETRY_AFTER_MS
  ) {}

  info(): Promise<ServerInfo> {
    return this._get('/');
  }

  configs(): Promise<ConfigCard[]> {
    return this._get('configs');
  }

  runs(): Promise<RunSummary[]> {
    return this._get('runs');
  }

  run(id: string): Promise<RunSummary> {
    return this._get(`runs/${encodeURIComponent(id)}`);
  }

  comparison(id: string): Promise<RunComparison> {
    return this._get(`runs/${encodeURIComponent(id)}/comparison`);
  }

  /**
   * What a scored run looked for, beside what it claims; refused before the score.
   */
  reveal(id: string): Promise<Reveal> {
    return this._get(`runs/${encodeURIComponent(id)}/reveal`);
  }

  organisms(): Promise<OrganismState[]> {
    return this._get('organisms');
  }

  /**
   * The events after number `after`, or the first part of them; empty when there are none.
   */
  events(id: string, after: number): Promise<EventEntry[]> {
    return this._get(`runs/${encodeURIComponent(id)}/events?after=${after}`);
  }

  /**
   * What the run has used up by now, or right after its event number `at`.
   */
  figures(id: string, at?: number): Promise<RunFigures> {
    const query = at === undefined ? '' : `?at=${at}`;
    return this._get(`runs/${encodeURIComponent(id)}/figures${query}`);
  }

  start(body: StartRun): Promise<RunSummary> {
    return this._post('runs', body, START_TIMEOUT_MS);
  }

  fork(id: string, body: ForkRun): Promise<RunSummary> {
    const route = `runs/${encodeURIComponent(id)}/fork`;
    return this._post(route, body, START_TIMEOUT_MS);
  }

  command<C extends keyof ICommands>(
    id: string,
    command: C,
    body: ICommands[C]
  ): Promise<RunSummary> {
    return this._post(`runs/${encodeURIComponent(id)}/${command}`, body);
  }

  async remove(id: string): Promise<void> {
    const route = `runs/${encodeURIComponent(id)}`;
    await this._send(route, { method: 'DELETE' }, TIMEOUT_MS);
  }

  ask(organism: string, body: AskOrganism): Promise<OrganismReply> {
    const route = `organisms/${encodeURIComponent(organism)}/ask`;
    return this._post(route, body, START_TIMEOUT_MS);
  }

  async release(organism: string): Promise<void> {
    const route = `organisms/${encodeURIComponent(organism)}`;
    await this._send(route, { method: 'DELETE' }, TIMEOUT_MS);
  }

  reportUrl(id: string, revealed: boolean): string {
    const route = `runs/${encodeURIComponent(id)}/report`;
    return this._url(revealed ? `${route}/revealed` : route);
  }

  streamUrl(id: string, after: number): string {
    const { wsUrl, appendToken, token } = this.settings;
    const route = `runs/${encodeURIComponent(id)}/stream`;
    const query: { [name: string]: string } = { after: String(after) };
    if (appendToken && token) {
      query.token = token;
    }
    return URLExt.join(wsUrl, ROOT, route) + URLExt.objectToQueryString(query);
  }

  private _url(route: string): string {
    return URLExt.join(this.settings.baseUrl, ROOT, route);
  }

  private async _get<T>(route: string): Promise<T> {
    const response = await this._send(route, { method: 'GET' }, TIMEOUT_MS);
    return (await response.json()) as T;
  }

  private async _post<T>(
    route: string,
    body: Command,
    timeoutMs = TIMEOUT_MS
  ): Promise<T> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this._send(route, init, timeoutMs);
        return (await response.json()) as T;
      } catch (error) {
        const passing =
          error instanceof ApiError &&
          (error.code === 'offline' || PASSING.has(error.status));
        if (!passing || attempt >= this._retryAfterMs.length) {
          throw error;
        }
        await delay(this._retryAfterMs[attempt]);
      }
    }
  }

  private async _send(
    route: string,
    init: RequestInit,
    timeoutMs: number
  ): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        this._url(route),
        { ...init, signal: AbortSignal.timeout(timeoutMs) },
        this.settings
      );
    } catch {
      throw new ApiError(
        'offline',
        this._trans.__(
          'The Jupyter server does not answer. Check that it runs and that you are connected.'
        ),
        0
      );
    }
    if (!response.ok) {
      throw await this._problem(response);
    }
    return response;
  }

  private async _problem(response: Response): Promise<ApiError> {
    const { status } = response;
    const body: unknown = await response.json().catch(() => null);
    const { code, message } = (body ?? {}) as {
      code?: unknown;
      message?: unknown;
    };
    // A reply without a code is not the server half's own: Jupyter's or a proxy's.
    if (typeof code === 'string' && typeof message === 'string') {
      return new ApiError(code, message, status);
    }
    return new ApiError(`http_${status}`, this._sentence(status), status);
  }

  private _sentence(status: number): string {
    if (status === 401 || status === 403) {
      return this._trans.__(
        'You are not logged in any more. Reload the page and log in again.'
      );
    }
    if (status === 404) {
      return this._trans.__('The server does not know this address.');
    }
    return this._trans.__(
      'The server could not do this (HTTP %1). Its log says why.',
      status
    );
  }
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
