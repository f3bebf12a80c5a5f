// @vitest-environment jsdom
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { forkBody } from './choices';
import type { RunSummary, ServerInfo } from './generated/api';
import { type Agreement, Investigations } from './investigations';
import { figures } from './testing/figures';
import { RunServer } from './testing/server';

const INFO: ServerInfo = {
  version: '1.0.0',
  api: 2,
  providers: ['playbook'],
  programs: [],
  default_provider: 'playbook',
  models: [],
  collaboration: false,
  sandbox_problem: null,
  locked: {},
  locked_because: '',
  at_most: {}
};

const files = new Signal<object, Pick<Contents.IChangedArgs, 'type'>>({});
let server: RunServer;
let service: Investigations;
let info: ServerInfo;
let runs: RunSummary[];
/**
 * Bodies of the commands that arrived, by route.
 */
let commands: [string, { request_id: string }][];
let losesReplies: boolean;
/**
 * What a start says that it may cost before it is confirmed; null for little.
 */
let cost: string | null;
/**
 * What is said of code from a sandbox that would run without one; null where there is one.
 */
let unveiled: string | null;
let asked: [Agreement, string][];
let agrees: boolean;

function summary(id: string, change: Partial<RunSummary> = {}): RunSummary {
  return {
    id,
    experiment: 'amber',
    config: 'amber',
    notebook: `${id}.ipynb`,
    status: 'running',
    waiting: null,
    here: true,
    agent: 'playbook',
    seed: 0,
    forked_from: null,
    veil: 'sandboxed',
    created: 0,
    figures: figures(),
    findings: null,
    claims: [],
    message: '',
    verdict: '',
    ...change
  };
}

beforeEach(async () => {
  info = INFO;
  runs = [];
  commands = [];
  losesReplies = false;
  cost = null;
  unveiled = null;
  asked = [];
  agrees = false;
  server = await RunServer.start();
  server.answer = (request, response) => {
    const route = new URL(request.url ?? '', 'http://server').pathname.replace(
      /^\/interp_bench\/api\/?/,
      ''
    );
    if (request.method === 'POST') {
      commands.push([
        route,
        JSON.parse(request.body) as { request_id: string }
      ]);
      for (const [code, message, field] of [
        ['unconfirmed', cost, 'confirmed'],
        ['weaker_veil', unveiled, 'weaker_veil']
      ]) {
        if (message !== null && !request.body.includes(`"${field}":true`)) {
          response.statusCode = 409;
          response.end(JSON.stringify({ code, message }));
          return;
        }
      }
      if (losesReplies) {
        request.socket.destroy();
        return;
      }
    }
    const replies: { [route: string]: unknown } = {
      '': info,
      configs: [],
      organisms: [],
      runs: request.method === 'POST' ? runs[0] : runs
    };
    response.end(JSON.stringify(replies[route] ?? runs[0]));
  };
  const contents = {
    localPath: (path: string) => path.replace(/^RTC:/, ''),
    fileChanged: files
  };
  service = new Investigations(
    server.api(),
    contents as unknown as Contents.IManager,
    nullTranslator.load(''),
    (to, sentence) => {
      asked.push([to, sentence]);
      return Promise.resolve(agrees);
    }
  );
});

afterEach(async () => {
  service.dispose();
  await server.halt();
});

test('shows the run that goes on', async () => {
  runs = [
    summary('r2', { status: 'finished', created: 2 }),
    summary('r1', { created: 1 })
  ];
  await service.refresh();
  expect(service.current?.id).toBe('r1');
});

test('leaves alone what the person chose to see', async () => {
  runs = [summary('r1', { status: 'finished' })];
  await service.refresh();
  service.setCurrent('r1');
  runs = [summary('r2', { created: 1 }), ...runs];
  await service.refresh();
  expect(service.current?.id).toBe('r1');
});

test('fetches the runs again when a notebook is renamed', async () => {
  runs = [summary('r1')];
  await service.refresh();
  runs = [summary('r1', { notebook: 'moved.ipynb' })];
  const changed = new Promise<void>(resolve =>
    service.listsChanged.connect(() => resolve())
  );
  files.emit({ type: 'rename' });
  await changed;
  expect(service.liveRunOf('moved.ipynb')?.id).toBe('r1');
  expect(service.liveRunOf('r1.ipynb')).toBeNull();
});

test('knows the running run of a notebook, also under a drive', async () => {
  runs = [
    summary('r1'),
    summary('r2', { notebook: 'b.ipynb', status: 'failed' })
  ];
  await service.refresh();
  expect(service.liveRunOf('r1.ipynb')?.id).toBe('r1');
  expect(service.liveRunOf('RTC:r1.ipynb')?.id).toBe('r1');
  expect(service.liveRunOf('b.ipynb')).toBeNull();
  expect(service.open('r1')).toBe(service.open('r1'));
});

test('a command whose reply was lost keeps its id when it is given again', async () => {
  runs = [summary('r1')];
  await service.refresh();
  losesReplies = true;
  await expect(service.message('r1', 'Hello')).rejects.toThrow(
    /does not answer/
  );
  losesReplies = false;
  await service.message('r1', 'Hello');
  await service.message('r1', 'Hello');
  const ids = commands.map(([, body]) => body.request_id);
  expect(new Set(ids.slice(0, -1)).size).toBe(1);
  expect(ids.at(-1)).not.toBe(ids[0]);
});

test('a start shows its run', async () => {
  runs = [summary('r1')];
  const run = await service.start({ config: 'amber' });
  expect(service.current).toBe(run);
  expect(commands).toMatchObject([['runs', { config: 'amber' }]]);
});

test('what may cost much is started only when a person agrees', async () => {
  runs = [summary('r1')];
  cost = 'at most $10.99 a run: more than …';
  await expect(service.start({ config: 'amber' })).rejects.toThrow(
    /Not started/
  );
  expect(asked).toEqual([['confirmed', cost]]);
  agrees = true;
  expect((await service.start({ config: 'amber' })).id).toBe('r1');
  const [first, refused, confirmed] = commands.map(([, body]) => body);
  expect(first).not.toHaveProperty('confirmed');
  expect(refused).not.toHaveProperty('confirmed');
  expect(confirmed).toMatchObject({ config: 'amber', confirmed: true });
  expect(confirmed.request_id).not.toBe(refused.request_id);
});

test('code from a sandbox runs without one only when a person agrees', async () => {
  runs = [summary('r1', { status: 'interrupted' })];
  unveiled = 'the code of run r1 ran in a sandbox …';
  await expect(service.resume('r1', { max_steps: 9 })).rejects.toThrow(
    /Not started/
  );
  expect(asked).toEqual([['weaker_veil', unveiled]]);
  agrees = true;
  await service.resume('r1', { max_steps: 9 });
  cost = 'at most $10.99 a run: more than …';
  await service.fork('r1', {});
  expect(commands.at(-2)?.[1]).not.toHaveProperty('weaker_veil');
  expect(commands.at(-1)).toMatchObject([
    'runs/r1/fork',
    { confirmed: true, weaker_veil: true }
  ]);
});

test.each([
  [{ ...INFO, api: 0, version: '0.9.0' }, 'older', /0\.9\.0.*older/],
  [{ ...INFO, api: 3, version: '9.0.0' }, 'newer', /Reload/]
])('halves that do not fit say so', async (other, code, sentence) => {
  info = other;
  await service.refresh();
  expect(service.problem).toMatchObject({ code });
  expect(service.problem?.message).toMatch(sentence);
  info = INFO;
  await service.refresh();
  expect(service.problem).toBeNull();
});

test('a fork shows its own run', async () => {
  runs = [summary('f1'), summary('p1', { status: 'finished' })];
  await service.refresh();
  service.setCurrent('p1');
  const run = await service.fork('p1', forkBody('c5', ' Try the lens. '));
  expect(service.current).toBe(run);
  expect(run.id).toBe('f1');
  expect(commands.at(-1)).toMatchObject([
    'runs/p1/fork',
    { at: 'c5', message: 'Try the lens.', provider: null, max_steps: null }
  ]);
});

test('a missing server half is told from a server that is away', async () => {
  const { answer } = server;
  server.answer = (_, response) => {
    response.statusCode = 404;
    response.end('<html>Not here</html>');
  };
  await service.refresh();
  expect(service.problem?.code).toBe('missing');
  server.answer = answer;
  await service.refresh();
  expect(service.problem).toBeNull();
  await server.halt();
  await service.refresh();
  expect(service.problem?.code).toBe('offline');
  await server.restart();
});

test('what an event changes is fetched at once', async () => {
  runs = [summary('r1')];
  await service.refresh();
  const run = service.open('r1');
  await run.ready;
  runs = [summary('r1', { waiting: 'paused' })];
  server.append({ type: 'run_paused' });
  await vi.waitFor(() => expect(run.summary.waiting).toBe('paused'));
  expect(run.state.waiting).toBe('paused');
});

test('removing a run lets go of it', async () => {
  runs = [summary('r1', { status: 'finished' })];
  await service.refresh();
  service.setCurrent('r1');
  const run = service.open('r1');
  await service.remove('r1');
  expect(run.isDisposed).toBe(true);
  expect(service.current).toBeNull();
  expect(service.runs).toEqual([]);
});

test('an organism is released, and a notebook knows its runs', async () => {
  runs = [summary('r1', { status: 'finished', notebook: 'r1.ipynb' })];
  await service.refresh();
  expect(service.hasRun('RTC:r1.ipynb')).toBe(true);
  expect(service.hasRun('b.ipynb')).toBe(false);
  await service.release('0a1b2c3d');
  expect(
    server.requests.some(
      ({ method, url }) =>
        method === 'DELETE' && !!url?.includes('organisms/0a1b2c3d')
    )
  ).toBe(true);
});
