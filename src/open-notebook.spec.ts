// @vitest-environment jsdom
import './testing/browser';

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { beforeEach, expect, test } from 'vitest';

import { RunNotebooks } from './open-notebook';
import { MemoryDrive } from './testing/drive';
import { TestRun } from './testing/run';

const run = new TestRun('r1', 'bees.ipynb');
let drive: MemoryDrive;
let listed: string;
let holder: Widget | null;
let done: unknown[];
let shown: Widget | undefined;
let notebooks: RunNotebooks;

beforeEach(() => {
  drive = new MemoryDrive();
  holder = null;
  listed = 'bees.ipynb';
  run.notebook = listed;
  shown = undefined;
  done = [];
  const documents = {
    findWidget: () => shown,
    open: (path: string, ...[, , options]: unknown[]) => {
      done.push(['open', path, options]);
      return new Widget();
    }
  };
  notebooks = new RunNotebooks(
    documents as unknown as IDocumentManager,
    {
      activateById: (id: string) => done.push(['activate', id])
    } as unknown as JupyterFrontEnd.IShell,
    new ContentsManager({ defaultDrive: drive }),
    () => holder,
    () => {
      run.notebook = listed;
      return Promise.resolve();
    },
    nullTranslator.load('')
  );
});

test('a notebook that opens by itself takes no key away', async () => {
  drive.put('bees.ipynb', {});
  await notebooks.open(run, true);
  expect(done).toEqual([['open', 'bees.ipynb', { activate: false }]]);
});

test('a notebook that a person opens comes to the front', async () => {
  drive.put('bees.ipynb', {});
  await notebooks.open(run);
  expect(done).toEqual([['open', 'bees.ipynb', {}]]);
  shown = new Widget();
  shown.id = 'w1';
  await notebooks.open(run);
  expect(done.at(-1)).toEqual(['activate', 'w1']);
});

test('a notebook that has just been renamed is opened where it is', async () => {
  drive.put('wasps.ipynb', {});
  listed = 'wasps.ipynb';
  await notebooks.open(run);
  expect(done).toEqual([['open', 'wasps.ipynb', {}]]);
});

test('a notebook that went without a word is found by its cells', async () => {
  holder = new Widget();
  holder.id = 'w2';
  run.happen({ type: 'run_ended', status: 'finished', message: '' });
  await notebooks.open(run);
  expect(done).toEqual([['activate', 'w2']]);
});
