// @vitest-environment jsdom
import '../testing/browser';

import { Notification } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NotebookTracker } from '@jupyterlab/notebook';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, expect, test } from 'vitest';

import { MemoryDrive } from '../testing/drive';
import { TestInvestigations } from '../testing/investigations';
import { agents, code, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import { CellNavigator } from './navigator';
import { PanelRuns } from './panels';

let navigator: CellNavigator;
let opened: string[];
let said: string[];
let renamed: () => void;
let drive: MemoryDrive;
let show: (path: string, holdsRun: boolean) => Promise<NotebookPanel>;

beforeEach(() => {
  const tracker = new NotebookTracker({ namespace: 'notebook' });
  const panelRuns = new PanelRuns(tracker, new TestInvestigations().whole);
  opened = [];
  said = [];
  renamed = () => undefined;
  drive = new MemoryDrive();
  navigator = new CellNavigator(
    { activateById: () => undefined } as never,
    {
      openOrReveal: (path: string) => void opened.push(path)
    } as unknown as IDocumentManager,
    new ContentsManager({ defaultDrive: drive }),
    panelRuns,
    () => Promise.resolve(renamed()),
    nullTranslator.load('')
  );
  show = async (path, holdsRun) => {
    const cells = holdsRun ? [agents('c3', '1')] : [code('mine', '1')];
    const panel = view((await open(path, notebook(cells))).context);
    await tracker.add(panel);
    return panel;
  };
  const listen = (): void => {
    said = Notification.manager.notifications.map(({ message }) => message);
  };
  Notification.manager.changed.connect(listen);
  return () => {
    Notification.manager.changed.disconnect(listen);
    Notification.dismiss();
  };
});

test('a notebook is the run’s by its path before it is by its cells', async () => {
  const run = new TestRun('r1', 'bees.ipynb');
  const copy = await show('copy.ipynb', true);
  expect(navigator.holder(run)).toBe(copy);
  const own = await show('bees.ipynb', false);
  expect(navigator.holder(run)).toBe(own);
  expect(navigator.holder(new TestRun('r2', 'wasps.ipynb'))).toBeNull();
});

test('a notebook that is not open is opened rather than its copy', async () => {
  await show('copy.ipynb', true);
  drive.put('bees.ipynb', notebook([agents('c3', '1')]));
  await navigator.reveal(new TestRun('r1', 'bees.ipynb'), 'c3');
  expect(opened).toEqual(['bees.ipynb']);
});

test('a notebook that has just been renamed is opened where it is', async () => {
  const run = new TestRun('r1', 'bees.ipynb');
  drive.put('wasps.ipynb', notebook([agents('c3', '1')]));
  renamed = () => {
    run.notebook = 'wasps.ipynb';
  };
  await navigator.reveal(run, 'c3');
  expect(opened).toEqual(['wasps.ipynb']);
});

test('a notebook that is nowhere is said in a sentence, and nothing is opened', async () => {
  await navigator.reveal(new TestRun('r1', 'bees.ipynb'), 'c3');
  expect(opened).toEqual([]);
  expect(said[0]).toMatch(/^The notebook bees\.ipynb is not there any more\./);
});
