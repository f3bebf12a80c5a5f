// @vitest-environment jsdom
import '../testing/browser';

import type { NotebookPanel } from '@jupyterlab/notebook';
import { PromiseDelegate } from '@lumino/coreutils';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { kernel as started } from '../testing/events';
import { code, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import { SessionServer } from '../testing/sessions';
import { RunKernel } from './kernel';

const PATH = 'bees.ipynb';

let server: SessionServer;
let panel: NotebookPanel;
let run: TestRun;

async function begin(): Promise<RunKernel> {
  const content = notebook([code('mine', 'x = 1')]);
  const { context } = await open(PATH, content, server);
  panel = view(context);
  run = new TestRun('r1', PATH);
  return new RunKernel(panel, run, server.manager);
}

function kernel(): string | undefined {
  return panel.sessionContext.session?.kernel?.id;
}

beforeEach(() => {
  server = new SessionServer();
  return () => {
    panel.dispose();
    panel.context.dispose();
  };
});

describe("the run's kernel", () => {
  it('takes the place of another one in the same session', async () => {
    server.attach('own', 's1', PATH);
    await begin();
    await vi.waitFor(() => expect(kernel()).toBe('own'));
    server.attach('run', 's1', PATH);
    run.happen(started('run'));
    await vi.waitFor(() => expect(kernel()).toBe('run'));
    expect(server.ended).toEqual([]);
  });

  it('is used where the notebook had no session', async () => {
    await begin();
    server.attach('run', 's1', PATH);
    run.happen(started('run'));
    await vi.waitFor(() => expect(kernel()).toBe('run'));
  });

  it('is used where Lab has made a session of its own meanwhile', async () => {
    server.attach('own', 's1', PATH);
    await begin();
    await vi.waitFor(() => expect(kernel()).toBe('own'));
    server.attach('run', 's2', PATH);
    run.happen(started('run'));
    await vi.waitFor(() => expect(kernel()).toBe('run'));
    expect(server.ended).toEqual([]);
  });

  it('is the one that it was restarted as', async () => {
    await begin();
    server.attach('first', 's1', PATH);
    run.happen(started('first'));
    await vi.waitFor(() => expect(kernel()).toBe('first'));
    server.attach('second', 's1', PATH);
    run.happen(started('second'));
    await vi.waitFor(() => expect(kernel()).toBe('second'));
  });

  it('is not left for a session that somebody else makes later', async () => {
    await begin();
    server.attach('run', 's1', PATH);
    run.happen(started('run'));
    await vi.waitFor(() => expect(kernel()).toBe('run'));
    server.attach('other', 's2', PATH);
    await server.manager.refreshRunning();
    await server.manager.refreshRunning();
    expect(kernel()).toBe('run');
  });

  it('is used where a list that is older than it is still on its way', async () => {
    server.attach('own', 's1', PATH);
    await begin();
    await vi.waitFor(() => expect(kernel()).toBe('own'));
    const way = new PromiseDelegate<void>();
    server.held = way.promise;
    const { asked } = server;
    const old = server.manager.refreshRunning();
    await vi.waitFor(() => expect(server.asked).toBe(asked + 1));
    server.attach('run', 's2', PATH);
    run.happen(started('run'));
    way.resolve();
    await old;
    await vi.waitFor(() => expect(kernel()).toBe('run'));
  });

  it('is found again where Lab has a session of its own beside it', async () => {
    server.attach('run', 's1', PATH);
    server.attach('own', 's2', PATH);
    await begin();
    run.happen(started('run'));
    await server.manager.refreshRunning();
    await server.manager.refreshRunning();
    expect(kernel()).toBe('run');
  });

  it('is not looked for in the sessions of other notebooks', async () => {
    await begin();
    server.attach('other', 's1', 'wasps.ipynb');
    server.attach('run', 's2', PATH);
    run.happen(started('run'));
    await vi.waitFor(() => expect(kernel()).toBe('run'));
  });

  it('does not end with the notebook as long as the run goes on', async () => {
    const { context } = await open(PATH, notebook([]), server);
    context.sessionContext.kernelPreference = { shutdownOnDispose: true };
    panel = view(context);
    const held = new RunKernel(panel, new TestRun('r1', PATH), server.manager);
    const { sessionContext } = context;
    expect(sessionContext.kernelPreference.shutdownOnDispose).toBe(false);
    held.dispose();
    expect(sessionContext.kernelPreference.shutdownOnDispose).toBe(true);
  });
});
