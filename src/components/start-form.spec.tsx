// @vitest-environment jsdom
import '../testing/browser';

import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { expect, it } from 'vitest';

import type { IChoices } from '../choices';
import type { ConfigCard, ServerInfo, StartRun } from '../generated/api';
import { ApiError } from '../request';
import { buttons, click, mounted } from '../testing/mounted';
import { StartForm } from './start-form';

const INFO = {
  providers: ['playbook'],
  programs: [],
  default_provider: 'playbook',
  models: [],
  locked: {},
  at_most: {}
} as unknown as ServerInfo;
const CARD = { name: 'birch', obstacle: null, agent: null } as ConfigCard;
const PREFERRED = {
  agent: '',
  approval: '',
  maxSteps: null,
  maxCostUsd: null,
  maxMinutes: null
};
const START = 'Start investigation';

class Server {
  readonly listsChanged = new Signal<this, void>(this);
  readonly organisms = [
    { id: 'o1', config: 'dune', runs: [] },
    { id: 'o2', config: 'ember', runs: ['r1'] }
  ];
  readonly done: unknown[] = [];
  /**
   * Whether the open notebook holds a run.
   */
  holdsRun = false;
  full = false;

  liveRunOf(): null {
    return null;
  }

  hasRun(): boolean {
    return this.holdsRun;
  }

  start(body: StartRun): Promise<void> {
    this.done.push(body);
    return this.full
      ? Promise.reject(
          new ApiError('no_room', 'It holds 2 organisms at most.', 409)
        )
      : Promise.resolve();
  }

  release(id: string): Promise<void> {
    this.full = false;
    this.done.push(id);
    return Promise.resolve();
  }
}

function form(
  server: Server,
  {
    card = CARD,
    like = null
  }: { card?: ConfigCard; like?: Partial<IChoices> | null } = {}
): Promise<HTMLElement> {
  const changed = { changed: new Signal({}) };
  return mounted(
    {
      investigations: server,
      notebook: {
        ...changed,
        path: 'bees.ipynb',
        save: () => Promise.resolve()
      },
      preferences: { ...changed, values: PREFERRED }
    },
    <StartForm
      card={card}
      info={INFO}
      like={like}
      onStarted={() => undefined}
    />
  );
}

it('takes the open notebook, and a new one where that holds a run', async () => {
  const server = new Server();
  await click(await form(server), START);
  expect(server.done).toMatchObject([{ notebook: 'bees.ipynb' }]);

  const holding = new Server();
  holding.holdsRun = true;
  const node = await form(holding);
  expect(node.textContent).toContain('The open notebook holds a run already');
  await click(node, START);
  expect(holding.done).toMatchObject([{ notebook: null }]);
});

it('begins with what an earlier run had', async () => {
  const server = new Server();
  const like: Partial<IChoices> = { approval: 'ask', maxSteps: 9, seed: 8 };
  await click(await form(server, { like }), START);
  expect(server.done).toMatchObject([
    { approval: 'ask', max_steps: 9, max_cost_usd: null, seed: 8 }
  ]);
});

it('does not start what cannot be had here, and says why', async () => {
  const server = new Server();
  const obstacle = 'Modal has no token: run `modal token new`.';
  const node = await form(server, { card: { ...CARD, obstacle } });
  expect(node.querySelector('[role=status] code')?.textContent).toBe(
    'modal token new'
  );
  expect(node.querySelector<HTMLButtonElement>('.ib-start')!.disabled).toBe(
    true
  );
});

it('offers to release what no run uses where there is no room', async () => {
  const server = new Server();
  server.full = true;
  const node = await form(server);
  await click(node, START);
  expect(node.textContent).toContain('It holds 2 organisms at most.');
  expect(buttons(node).map(({ textContent }) => textContent)).toEqual([
    'Release dune and start',
    START
  ]);
  await click(node, 'Release dune and start');
  expect(server.done).toMatchObject([
    { config: 'birch' },
    'o1',
    { config: 'birch' }
  ]);
  expect(node.textContent).not.toContain('It holds 2 organisms');
});
