import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { WebSocket, WebSocketServer } from 'ws';

import type { EventBatch, EventEntry } from '../generated/api';
import { Api } from '../request';
import { figures } from './figures';

type Answer = (
  request: IncomingMessage & { body: string },
  response: ServerResponse
) => void;

/**
 * A server with one run's journal, which can cut, repeat, skip and refuse.
 */
export class RunServer {
  /**
   * The journal: what is appended goes to every socket.
   */
  readonly journal: EventEntry[] = [];
  readonly sockets: WebSocket[] = [];
  readonly requests: (IncomingMessage & { body: string })[] = [];
  /**
   * What the run is said to have used up.
   */
  figures = figures();
  /**
   * Number of handshakes that were tried.
   */
  handshakes = 0;
  refuseSockets = false;
  /**
   * Whether handshakes are left without an answer, until `letThrough`.
   */
  holdSockets = false;
  /**
   * What answers plain requests, in place of the journal.
   */
  answer: Answer | null = null;
  /**
   * Called for each socket in place of the replay.
   */
  greet: ((socket: WebSocket, after: number) => void) | null = null;

  static async start(): Promise<RunServer> {
    const server = new RunServer();
    await new Promise<void>(resolve =>
      server._http.listen(server._port, '127.0.0.1', resolve)
    );
    server._port = (server._http.address() as AddressInfo).port;
    return server;
  }

  api(): Api {
    const base = `127.0.0.1:${this._port}`;
    const settings = ServerConnection.makeSettings({
      baseUrl: `http://${base}/`,
      wsUrl: `ws://${base}/`,
      appendToken: false,
      fetch: globalThis.fetch,
      Request: globalThis.Request,
      Headers: globalThis.Headers,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket
    });
    return new Api(settings, nullTranslator.load(''), [5, 10]);
  }

  /**
   * Record an event and tell everybody.
   */
  append(event: EventEntry['event'], at = 1000): EventEntry {
    const entry = { seq: this.journal.length + 1, at, event };
    this.journal.push(entry);
    this.tell([entry]);
    return entry;
  }

  tell(entries: EventEntry[]): void {
    for (const socket of this.sockets) {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(this.batch(entries));
      }
    }
  }

  /**
   * A message of the stream.
   */
  batch(entries: EventEntry[]): string {
    const batch: EventBatch = { entries, figures: this.figures };
    return JSON.stringify(batch);
  }

  /**
   * Answer the handshakes that were held.
   */
  letThrough(): void {
    this.holdSockets = false;
    for (const [request, socket, head] of this._held.splice(0)) {
      this._upgrade(request, socket, head);
    }
  }

  /**
   * Cut all connections without a goodbye.
   */
  cut(): void {
    this.sockets.splice(0).forEach(socket => socket.terminate());
    this._held.splice(0).forEach(([, socket]) => socket.destroy());
  }

  /**
   * Stop listening, as a server that is restarted does; `restart` uses the same port.
   */
  async halt(): Promise<void> {
    this.cut();
    this._http.closeAllConnections();
    await new Promise(resolve => this._http.close(resolve));
  }

  async restart(): Promise<void> {
    await new Promise<void>(resolve =>
      this._http.listen(this._port, '127.0.0.1', resolve)
    );
  }

  private constructor() {
    this._http = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        const whole = Object.assign(request, { body });
        this.requests.push(whole);
        (this.answer ?? this._events)(whole, response);
      });
    });
    this._http.on('upgrade', (request, socket, head) =>
      this._upgrade(request, socket, head)
    );
  }

  private _upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer
  ): void {
    if (this.holdSockets) {
      this._held.push([request, socket, head]);
      return;
    }
    this.handshakes++;
    if (this.refuseSockets) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    this._ws.handleUpgrade(request, socket, head, client => {
      this.sockets.push(client);
      const after = afterOf(request);
      if (this.greet) {
        this.greet(client, after);
      } else {
        client.send(this.batch(this._since(after)));
      }
    });
  }

  private readonly _events: Answer = (request, response) => {
    response.setHeader('Content-Type', 'application/json');
    const asked = request.url?.includes('/figures')
      ? this.figures
      : this._since(afterOf(request));
    response.end(JSON.stringify(asked));
  };

  private _since(after: number): EventEntry[] {
    return this.journal.filter(entry => entry.seq > after);
  }

  private readonly _held: [IncomingMessage, Duplex, Buffer][] = [];
  private readonly _http: Server;
  private _port = 0;
  private readonly _ws = new WebSocketServer({ noServer: true });
}

function afterOf(request: IncomingMessage): number {
  return Number(
    new URL(request.url ?? '', 'http://server').searchParams.get('after')
  );
}
