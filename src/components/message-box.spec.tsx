// @vitest-environment jsdom
import '../testing/browser';

import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { act } from 'react';
import { expect, it } from 'vitest';

import { started } from '../testing/events';
import { mounted } from '../testing/mounted';
import { TestRun } from '../testing/run';
import { Fork } from './fork';
import { MessageBox } from './message-box';

class Agents extends TestRun {
  constructor(private readonly _agent: string) {
    super('r1', 'bees.ipynb');
    this.happen(started());
  }

  get summary(): TestRun['summary'] {
    return { ...super.summary, agent: this._agent };
  }
}

const DEAF = 'The playbook follows its protocol; choose Claude to talk to it.';

function box(run: TestRun): Promise<HTMLElement> {
  const investigations = {
    info: null,
    message: () => Promise.resolve(),
    listsChanged: new Signal({})
  };
  return mounted({ investigations }, <MessageBox run={run} />);
}

it('asks for no message where nobody would read it', async () => {
  const run = new Agents('playbook');
  const fork = await mounted(
    {},
    <Fork run={run} cellId="c3" onCancel={() => undefined} />
  );
  for (const node of [await box(run), fork]) {
    expect(node.querySelector('textarea')).toBeNull();
    expect(node.textContent).toContain(DEAF);
  }
});

it('says when a message has been seen, and in which step', async () => {
  const run = new Agents('anthropic claude-opus-5-5');
  const node = await box(run);
  expect(node.textContent).not.toContain(DEAF);
  const told = (): string | null =>
    node.querySelector('[role=status]')!.textContent;
  const text = node.querySelector('textarea')!;
  const set = Object.getOwnPropertyDescriptor(
    HTMLTextAreaElement.prototype,
    'value'
  )!.set!;
  await act(async () => {
    set.call(text, 'Look at the sea.');
    text.dispatchEvent(new Event('input', { bubbles: true }));
    await Promise.resolve();
  });
  await act(async () => {
    text.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', bubbles: true })
    );
    await Promise.resolve();
  });
  expect(told()).toBe('Sent. The agent sees it with its next step.');
  act(() => {
    run.happen(
      { type: 'message_sent', sender: 'person', text: 'Look at the sea.' },
      { type: 'step_started', step: 12 }
    );
  });
  expect(told()).toBe('Seen at step 12.');
});
