import type { IDisposable } from '@lumino/disposable';

import type { EventBatch, EventEntry, RunFigures } from './generated/api';
import type { Api } from './request';
import { ApiError } from './request';
import type { Connection } from './tokens';

/**
 * What a stream tells its owner.
 */
interface IListener {
  /**
   * Events that follow those before without a gap or a repetition; never an empty list.
   */
  onEntries(entries: EventEntry[]): void;
  /**
   * What the run has used up by now: with its events, and as its clock goes on.
   */
  onFigures(figures: RunFigures): void;
  onConnection(connection: Connection): void;
  /**
   * What was there when it connected has been passed on.
   */
  onCaughtUp(): void;
  /**
   * Whether the run has ended: a score or a resume may still come.
   */
  isOver(): boolean;
}

/**
 * Times in milliseconds.
 */
export interface ITiming {
  /**
   * Before the first try after a cut; doubles with each further one.
   */
  readonly retry: number;
  readonly retryAtMost: number;
  /**
   * A WebSocket that takes longer to open is polled beside: a browser holds one back while another of the same host
   * has not opened yet.
   */
  readonly patience: number;
  /**
   * After which a WebSocket that has not opened is given up.
   */
  readonly handshake: number;
  readonly poll: number;
  /**
   * While polling, how long until the WebSocket is tried again.
   */
  readonly upgrade: number;
  /**
   * A WebSocket that says nothing for so long has no more to replay.
   */
  readonly caughtUp: number;
  /**
   * When the page is seen again after so long without a message, the connection is made anew.
   */
  readonly quiet: number;
}

const TIMING: ITiming = {
  retry: 500,
  retryAtMost: 15_000,
  patience: 500,
  handshake: 10_000,
  poll: 1000,
  upgrade: 60_000,
  caughtUp: 200,
  quiet: 30_000
};

const HANDSHAKES_BEFORE_POLLING = 2;
/**
 * Close code of a run that was deleted.
 */
const GONE = 4404;
/**
 * How much less often a run is polled from which little is to be expected.
 */
const OVER = 10;

/**
 * The events of one run, in order, from number `after` on: over a WebSocket, or by polling where none gets through.
 */
export class EventStream implements IDisposable {
  constructor(
    private readonly _api: Api,
    private readonly _run: string,
    private readonly _listener: IListener,
    private readonly _timing: ITiming = TIMING
  ) {}

  /**
   * Number of the last event that was passed on.
   */
  get last(): number {
    return this._last;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this._halt();
    globalThis.removeEventListener?.('online', this._onReturn);
    globalThis.document?.removeEventListener(
      'visibilitychange',
      this._onReturn
    );
  }

  /**
   * Connect, or connect again at once.
   */
  start(): void {
    if (this._disposed) {
      return;
    }
    globalThis.addEventListener?.('online', this._onReturn);
    globalThis.document?.addEventListener('visibilitychange', this._onReturn);
    this._halt();
    this._failures = 0;
    this._failedHandshakes = 0;
    this._connect();
  }

  private _connect(): void {
    const url = this._api.streamUrl(this._run, this._last);
    const socket = new this._api.settings.WebSocket(url);
    let heard = false;
    let openedAt: number | null = null;
    this._socket = socket;
    const { patience, handshake } = this._timing;
    const meanwhile = setTimeout(() => this._startPolling(), patience);
    const giveUp = setTimeout(() => socket.close(), handshake);
    socket.onopen = () => {
      clearTimeout(meanwhile);
      clearTimeout(giveUp);
      openedAt = Date.now();
      this._stopPolling();
      this._report('live');
      this._expectMore();
    };
    socket.onmessage = message => {
      heard = true;
      this._expectMore();
      this._failures = 0;
      this._heardAt = Date.now();
      const batch = JSON.parse(String(message.data)) as EventBatch;
      if (!this._take(batch.entries)) {
        socket.close();
        return;
      }
      this._listener.onFigures(batch.figures);
    };
    socket.onerror = () => {
      // A close follows, which says all there is to know.
    };
    socket.onclose = event => {
      clearTimeout(meanwhile);
      clearTimeout(giveUp);
      if (socket === this._socket) {
        // Some proxies open a WebSocket only to cut it: that is no handshake either.
        const stood = openedAt !== null && Date.now() - openedAt > handshake;
        this._closed(heard || stood, event.code);
      }
    };
  }

  private _closed(served: boolean, code: number): void {
    this._socket = null;
    if (code === GONE) {
      this._halt();
      this._report('closed');
      return;
    }
    this._failedHandshakes = served ? 0 : this._failedHandshakes + 1;
    if (this._polling || this._failedHandshakes >= HANDSHAKES_BEFORE_POLLING) {
      this._upgradeAt = Date.now() + this._timing.upgrade;
      this._startPolling();
      return;
    }
    if (this._connection === 'live') {
      this._report('connecting');
    }
    this._later(() => this._connect(), this._backoff());
  }

  private _startPolling(): void {
    if (!this._polling) {
      this._polling = true;
      void this._poll();
    }
  }

  private _stopPolling(): void {
    this._polling = false;
    this._turn++;
    clearTimeout(this._timer);
  }

  private async _poll(): Promise<void> {
    const turn = this._turn;
    try {
      const entries = await this._api.events(this._run, this._last);
      const figures = await this._api.figures(this._run);
      if (turn === this._turn) {
        this._polled(entries);
        this._listener.onFigures(figures);
      }
    } catch (error) {
      if (turn === this._turn) {
        this._failedPoll(error);
      }
    }
  }

  private _polled(entries: EventEntry[]): void {
    if (this._connection === 'offline') {
      // The server is back, and its WebSockets may be too.
      this._upgradeAt = 0;
    }
    this._failures = 0;
    this._heardAt = Date.now();
    this._report(this._socket === null ? 'polling' : 'connecting');
    this._take(entries);
    if (entries.length === 0) {
      this._listener.onCaughtUp();
    }
    const wait = this._timing.poll * (this._listener.isOver() ? OVER : 1);
    this._later(() => this._pollOrUpgrade(), entries.length > 0 ? 0 : wait);
  }

  private _failedPoll(error: unknown): void {
    if (error instanceof ApiError && error.status === 404) {
      this._halt();
      this._report('closed');
      return;
    }
    this._report('offline');
    this._later(() => void this._poll(), this._backoff());
  }

  private _pollOrUpgrade(): void {
    if (this._socket !== null || Date.now() < this._upgradeAt) {
      void this._poll();
    } else {
      this._stopPolling();
      this._failedHandshakes = HANDSHAKES_BEFORE_POLLING - 1;
      this._connect();
    }
  }

  /**
   * Pass on what has not been seen; false when something is missing in between.
   */
  private _take(entries: EventEntry[]): boolean {
    const fresh: EventEntry[] = [];
    for (const entry of entries) {
      if (entry.seq <= this._last) {
        continue;
      }
      if (entry.seq !== this._last + 1) {
        this._pass(fresh);
        return false;
      }
      this._last = entry.seq;
      fresh.push(entry);
    }
    this._pass(fresh);
    return true;
  }

  private _pass(entries: EventEntry[]): void {
    if (entries.length > 0) {
      this._listener.onEntries(entries);
    }
  }

  private _expectMore(): void {
    clearTimeout(this._replay);
    this._replay = setTimeout(
      () => this._listener.onCaughtUp(),
      this._timing.caughtUp
    );
  }

  private _backoff(): number {
    const { retry, retryAtMost } = this._timing;
    const wait = Math.min(retryAtMost, retry * 2 ** this._failures++);
    // Many clients of one server do not all come back at the same moment.
    return wait * (0.75 + Math.random() / 2);
  }

  private _later(then: () => void, ms: number): void {
    this._timer = setTimeout(then, ms);
  }

  private _halt(): void {
    this._stopPolling();
    clearTimeout(this._replay);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  private _report(connection: Connection): void {
    if (connection !== this._connection) {
      this._connection = connection;
      this._listener.onConnection(connection);
    }
  }

  /**
   * A machine that slept may hold a socket that is dead without saying so.
   */
  private readonly _onReturn = (event: Event): void => {
    const quiet = Date.now() - this._heardAt > this._timing.quiet;
    const asleep = event.type === 'online' || (!document.hidden && quiet);
    if (asleep && this._connection !== 'closed') {
      this.start();
    }
  };

  private _connection: Connection = 'connecting';
  private _disposed = false;
  private _failedHandshakes = 0;
  private _failures = 0;
  private _heardAt = Date.now();
  private _last = 0;
  private _polling = false;
  private _replay: ReturnType<typeof setTimeout> | undefined;
  private _socket: WebSocket | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _turn = 0;
  private _upgradeAt = 0;
}
