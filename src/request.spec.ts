import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Api } from './request';
import { RunServer } from './testing/server';

let server: RunServer;
let api: Api;

beforeEach(async () => {
  server = await RunServer.start();
  api = server.api();
});

afterEach(() => server.halt());

function reply(status: number, body: string): void {
  server.answer = (_, response) => {
    response.statusCode = status;
    response.end(body);
  };
}

test('gives what the server replies', async () => {
  reply(200, JSON.stringify([{ id: 'r1' }]));
  expect(await api.runs()).toEqual([{ id: 'r1' }]);
  expect(server.requests[0].url).toMatch(/^\/interp_bench\/api\/runs(\?|$)/);
});

test("an error is the server's own sentence", async () => {
  reply(409, JSON.stringify({ code: 'busy', message: 'It is in use.' }));
  await expect(api.configs()).rejects.toMatchObject({
    code: 'busy',
    message: 'It is in use.',
    status: 409
  });
});

test.each([
  [403, '<html>Forbidden</html>', 'http_403', /log in again/],
  [404, '{"message": "Not Found"}', 'http_404', /address/],
  [500, 'oops', 'http_500', /HTTP 500/]
])(
  'HTTP %i from somebody else becomes one sentence',
  async (status, body, code, sentence) => {
    reply(status, body);
    await expect(api.info()).rejects.toMatchObject({ code, status });
    await expect(api.info()).rejects.toThrow(sentence);
  }
);

test('a server that does not answer is one sentence too', async () => {
  await server.halt();
  await expect(api.runs()).rejects.toMatchObject({
    code: 'offline',
    status: 0
  });
  await server.restart();
});

test('a command that was cut off is sent again with the same id', async () => {
  let cuts = 2;
  server.answer = (request, response) => {
    if (cuts-- > 0) {
      request.socket.destroy();
      return;
    }
    response.end(JSON.stringify({ id: 'r1' }));
  };
  await api.command('r1', 'pause', { request_id: 'once' });
  expect(server.requests).toHaveLength(3);
  expect(new Set(server.requests.map(request => request.body))).toEqual(
    new Set(['{"request_id":"once"}'])
  );
});

test('a command that the server refuses is not sent again', async () => {
  reply(400, JSON.stringify({ code: 'bad_input', message: 'No.' }));
  await expect(
    api.command('r1', 'stop', { request_id: 'once' })
  ).rejects.toThrow('No.');
  expect(server.requests).toHaveLength(1);
});

test('a proxy without its server is waited for', async () => {
  let down = true;
  server.answer = (_, response) => {
    response.statusCode = down ? 503 : 200;
    response.end(down ? 'starting' : '{"id": "r1"}');
    down = false;
  };
  expect(
    await api.start({ request_id: 'once', config: 'amber' })
  ).toMatchObject({ id: 'r1' });
});

test('ids are escaped in addresses', () => {
  expect(api.reportUrl('a/b')).toMatch(/runs\/a%2Fb\/report$/);
  expect(api.streamUrl('a b', 7)).toMatch(
    /^ws:.*\/runs\/a%20b\/stream\?after=7$/
  );
});
