import { Signal } from '@lumino/signaling';
import { expect, test } from 'vitest';

import { Places } from './places';
import { started } from './testing/events';
import { TestRun } from './testing/run';
import type { IInvestigations } from './tokens';

test('a run like an earlier one has its agent, approval and budgets, and the next seed', () => {
  const investigations = { currentChanged: new Signal({}) };
  const places = new Places(investigations as unknown as IInvestigations);
  const run = new TestRun('r1', 'bees.ipynb');
  run.happen(started({ approval: 'ask', max_minutes: 9 }));
  places.startLike(run);
  expect(places.where).toMatchObject({
    place: 'organisms',
    config: 'beekeeping-01',
    like: {
      agent: 'playbook',
      approval: 'ask',
      maxSteps: 40,
      maxCostUsd: 2,
      maxMinutes: 9,
      seed: 8
    }
  });
});
