// @vitest-environment jsdom
import './testing/browser';

import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { RunSummary } from './generated/api';
import { Notices } from './notices';
import { TestRun } from './testing/run';
import type { IInvestigations, IPreferences } from './tokens';

let list: (...runs: RunSummary[]) => void;
const RUN: RunSummary = { ...new TestRun('r1', 'bees.ipynb').summary };
const said = (): string[] =>
  Notification.manager.notifications.map(({ message }) => message);

beforeEach(() => {
  const lists = { info: {}, runs: [] as RunSummary[] };
  const listsChanged = new Signal<typeof lists, void>(lists);
  new Notices({
    investigations: Object.assign(lists, {
      listsChanged
    }) as unknown as IInvestigations,
    preferences: { values: { notifications: true } } as IPreferences,
    trans: nullTranslator.load(''),
    isShown: () => false,
    show: () => undefined
  });
  list = (...runs) => {
    lists.runs = runs;
    listsChanged.emit();
  };
});
afterEach(() => Notification.dismiss());

test.each([
  ['', 'beekeeping-01 was interrupted.'],
  ['You stopped it.', 'beekeeping-01 was interrupted: You stopped it.']
])('a run that was cut off says why, where that is known', (message, text) => {
  list(RUN);
  list({ ...RUN, status: 'interrupted', message });
  expect(said()).toEqual([text]);
});

test('what was said of a run goes with the run', () => {
  list(RUN);
  list({ ...RUN, waiting: 'approval' });
  list({ ...RUN, status: 'failed', message: 'Why.' });
  expect(said()).toEqual(['beekeeping-01 failed: Why.']);
  list();
  expect(said()).toEqual([]);
});
