// @vitest-environment jsdom
import '../testing/browser';

import type { ISharedCodeCell } from '@jupyter/ydoc';
import { NotebookTracker } from '@jupyterlab/notebook';
import { DisposableDelegate } from '@lumino/disposable';
import { beforeEach, describe, expect, it } from 'vitest';

import type { IRunModel } from '../tokens';
import { started } from '../testing/events';
import { TestInvestigations } from '../testing/investigations';
import { agents, code, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import type { PanelRun } from './panels';
import { PanelRuns } from './panels';

const PATH = 'bees.ipynb';
const ENDED = {
  type: 'run_ended',
  status: 'finished',
  message: ''
} as const;

let investigations: TestInvestigations;
let panelRuns: PanelRuns;
let panelRun: PanelRun;
let run: TestRun;

beforeEach(async () => {
  const { context } = await open(
    PATH,
    notebook([code('mine', 'x'), agents('c1', 'y', 'running')])
  );
  investigations = new TestInvestigations();
  const tracker = new NotebookTracker({ namespace: 'notebook' });
  panelRuns = new PanelRuns(tracker, investigations.whole);
  const panel = view(context);
  await tracker.add(panel);
  panelRun = panelRuns.of(panel);
  run = new TestRun('r1', PATH);
  return () => {
    panel.dispose();
    context.dispose();
  };
});

describe('an open notebook', () => {
  it('has the run that is at work in it', () => {
    expect(panelRun.run).toBeNull();
    investigations.list(new TestRun('other', 'wasps.ipynb'), run);
    expect(panelRun.run).toBe(run);
  });

  it('has it until it ends', () => {
    investigations.list(run);
    run.happen(started(), ENDED);
    expect(panelRun.run).toBeNull();
  });

  it('has it again when it is resumed', () => {
    investigations.list(run);
    run.happen(started(), ENDED);
    investigations.list(run);
    expect(panelRun.run).toBeNull();
    run.happen({ type: 'run_resumed' });
    investigations.list(run);
    expect(panelRun.run).toBe(run);
  });

  it('keeps it when the notebook is renamed', async () => {
    investigations.list(run);
    run.happen(started());
    await panelRun.panel.context.rename('hive.ipynb');
    expect(panelRun.panel.context.localPath).toBe('hive.ipynb');
    expect(panelRun.run).toBe(run);
    run.notebook = 'hive.ipynb';
    investigations.list(run);
    expect(panelRun.run).toBe(run);
  });

  it('lets go of a run that has gone to another notebook', () => {
    investigations.list(run);
    run.notebook = 'wasps.ipynb';
    investigations.list(run);
    expect(panelRun.run).toBeNull();
  });
});

describe('a cell that ran as the server died', () => {
  it('runs no more once it is known that no run is at work', () => {
    const shared = panelRun.panel.content.model!.sharedModel.cells[1];
    const cell = shared as ISharedCodeCell;
    cell.executionState = 'running';
    investigations.list();
    expect(cell.executionState).toBe('running');
    investigations.info = {};
    investigations.list(run);
    expect(cell.executionState).toBe('running');
    run.happen(started(), ENDED);
    investigations.list();
    expect(cell.executionState).toBe('idle');
  });
});

describe('what is done while a run is at work', () => {
  it('begins and ends with the run', () => {
    const log: string[] = [];
    panelRuns.whileRunning((run: IRunModel) => {
      log.push(`begin ${run.id}`);
      return new DisposableDelegate(() => log.push(`end ${run.id}`));
    });
    investigations.list(run);
    run.happen(started());
    investigations.list(run);
    run.happen(ENDED);
    const next = new TestRun('r2', PATH);
    investigations.list(next);
    panelRun.panel.dispose();
    expect(log).toEqual(['begin r1', 'end r1', 'begin r2', 'end r2']);
  });
});
