import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { EventEntry, RunFigures } from './generated/api';
import type { ITiming } from './stream';
import { EventStream } from './stream';
import { figures } from './testing/figures';
import { RunServer } from './testing/server';
import type { Connection } from './tokens';

const TIMING: ITiming = {
  retry: 5,
  retryAtMost: 20,
  patience: 1000,
  handshake: 2000,
  poll: 10,
  upgrade: 60_000,
  caughtUp: 50,
  quiet: 60_000
};

let server: RunServer;
let stream: EventStream;
let seen: EventEntry[];
let connections: Connection[];
let caughtUp: number;
let over: boolean;
let told: RunFigures[];

function follow(timing: Partial<ITiming> = {}): void {
  stream = new EventStream(
    server.api(),
    'r1',
    {
      onEntries: entries => seen.push(...entries),
      onFigures: figures => told.push(figures),
      onConnection: connection => connections.push(connection),
      onCaughtUp: () => caughtUp++,
      isOver: () => over
    },
    { ...TIMING, ...timing }
  );
  stream.start();
}

function append(count: number): void {
  for (let n = 0; n < count; n++) {
    server.append({ type: 'step_started', step: server.journal.length + 1 });
  }
}

async function arrived(count: number): Promise<void> {
  await vi.waitFor(() => expect(seen.at(-1)?.seq).toBe(count));
  expect(seen.map(entry => entry.seq)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1)
  );
}

beforeEach(async () => {
  server = await RunServer.start();
  seen = [];
  connections = [];
  caughtUp = 0;
  over = false;
  told = [];
});

afterEach(async () => {
  stream.dispose();
  await server.halt();
});

test('replays what is there, then passes on what comes', async () => {
  append(3);
  follow();
  await arrived(3);
  await vi.waitFor(() => expect(caughtUp).toBe(1));
  append(2);
  await arrived(5);
  expect(connections).toEqual(['live']);
});

test('figures come with the events, and as time passes', async () => {
  append(1);
  server.figures = figures({ steps: 1, minutes: 0.5 });
  follow();
  await vi.waitFor(() => expect(told).toEqual([server.figures]));
  server.figures = figures({ steps: 1, minutes: 0.6 });
  server.tell([]);
  await vi.waitFor(() => expect(told).toHaveLength(2));
  expect(told[1].minutes).toBe(0.6);
  expect(seen).toHaveLength(1);
});

test('figures come through polling too', async () => {
  server.refuseSockets = true;
  server.figures = figures({ tokens: 770 });
  append(1);
  follow();
  await vi.waitFor(() => expect(told[0]?.tokens).toBe(770));
});

test('a run without events is caught up with too', async () => {
  follow();
  await vi.waitFor(() => expect(caughtUp).toBe(1));
  expect(seen).toEqual([]);
});

test('goes on after a cut where it stopped', async () => {
  follow();
  append(2);
  await arrived(2);
  for (const total of [5, 8, 11]) {
    server.cut();
    append(3);
    await arrived(total);
  }
  expect(connections).toEqual([
    'live',
    ...['connecting', 'live'],
    ...['connecting', 'live'],
    ...['connecting', 'live']
  ]);
});

test('drops what it has seen already', async () => {
  append(4);
  server.greet = socket => {
    socket.send(server.batch(server.journal.slice(0, 3)));
    socket.send(server.batch(server.journal));
  };
  follow();
  await arrived(4);
});

test('asks again from where something is missing', async () => {
  append(6);
  const asked: number[] = [];
  server.greet = (socket, after) => {
    asked.push(after);
    const rest = server.journal.slice(after);
    socket.send(
      server.batch(
        asked.length === 1 ? rest.filter(({ seq }) => seq !== 3) : rest
      )
    );
  };
  follow();
  await arrived(6);
  expect(asked).toEqual([0, 2]);
});

test('polls where no WebSocket gets through', async () => {
  server.refuseSockets = true;
  append(2);
  follow();
  await arrived(2);
  append(3);
  await arrived(5);
  expect(server.handshakes).toBe(2);
  expect(connections).toEqual(['polling']);
  expect(server.requests.map(({ url }) => url)).toContainEqual(
    expect.stringMatching(/^\/interp_bench\/api\/runs\/r1\/events\?after=5/)
  );
});

test('polls where a proxy opens WebSockets only to cut them', async () => {
  server.greet = socket => socket.terminate();
  append(2);
  follow();
  await arrived(2);
  expect(connections.at(-1)).toBe('polling');
});

test('polls while a WebSocket hangs in its handshake, and goes live when it opens', async () => {
  server.holdSockets = true;
  append(2);
  follow({ patience: 20, handshake: 60_000 });
  await arrived(2);
  append(1);
  await arrived(3);
  // Nothing is wrong yet that a person should hear of.
  expect(connections).toEqual([]);
  server.letThrough();
  await vi.waitFor(() => expect(connections).toEqual(['live']));
  append(2);
  await arrived(5);
  const polls = server.requests.length;
  append(1);
  await arrived(6);
  expect(server.requests).toHaveLength(polls);
});

test('a handshake that is given up leaves polling on, and is no service', async () => {
  server.holdSockets = true;
  append(2);
  follow({ patience: 20, handshake: 60 });
  await arrived(2);
  await vi.waitFor(() => expect(connections).toEqual(['polling']));
  append(1);
  await arrived(3);
});

test('returns to the WebSocket once it gets through', async () => {
  server.refuseSockets = true;
  append(1);
  follow({ upgrade: 30 });
  await vi.waitFor(() => expect(connections).toContain('polling'));
  server.refuseSockets = false;
  await vi.waitFor(() => expect(connections.at(-1)).toBe('live'));
  append(2);
  await arrived(3);
});

test('is offline while the server is away, and live soon after', async () => {
  append(1);
  follow();
  await arrived(1);
  await server.halt();
  await vi.waitFor(() => expect(connections.at(-1)).toBe('offline'));
  append(2);
  await server.restart();
  await arrived(3);
  await vi.waitFor(() => expect(connections.at(-1)).toBe('live'));
});

test('a run that was deleted is not asked for again', async () => {
  append(2);
  server.greet = socket => {
    socket.send(server.batch(server.journal));
    socket.close(4404, 'the run was deleted');
  };
  follow();
  await vi.waitFor(() => expect(connections.at(-1)).toBe('closed'));
  await arrived(2);
  expect(server.handshakes).toBe(1);
});

test('a server that goes away is asked again', async () => {
  append(2);
  server.greet = socket => {
    server.greet = null;
    socket.send(server.batch(server.journal));
    socket.close(1001, 'the server stops');
  };
  follow();
  await arrived(2);
  append(1);
  await arrived(3);
  expect(server.handshakes).toBe(2);
});

test('what comes after the end of a run comes through polling too', async () => {
  server.refuseSockets = true;
  over = true;
  append(2);
  follow();
  await arrived(2);
  append(1);
  await arrived(3);
});

test('stops polling a run that was deleted', async () => {
  server.refuseSockets = true;
  server.answer = (_, response) => {
    response.statusCode = 404;
    response.end(
      JSON.stringify({ code: 'no_such_run', message: 'It is gone.' })
    );
  };
  follow();
  await vi.waitFor(() => expect(connections).toEqual(['closed']));
  expect(server.requests).toHaveLength(1);
});

test('a disposed stream lets go of its socket', async () => {
  append(1);
  follow();
  await arrived(1);
  stream.dispose();
  await vi.waitFor(() => expect(server.sockets[0].readyState).toBe(3));
  append(1);
  expect(server.handshakes).toBe(1);
  expect(seen).toHaveLength(1);
});
