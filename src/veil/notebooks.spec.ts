// @vitest-environment jsdom
import '../testing/browser';

import type { ICodeCellModel } from '@jupyterlab/cells';
import { beforeEach, describe, expect, it } from 'vitest';

import { agents, code, notebook, open, view } from '../testing/notebook';
import type { IOpened } from '../testing/notebook';
import { NotebookVeil } from './notebooks';

const TRUSTED = { metadata: { trusted: true } };

describe('the veil over a notebook', () => {
  let refused: number;

  beforeEach(() => {
    refused = 0;
  });

  function cellOf({ context }: IOpened, id: string): ICodeCellModel {
    const found = [...context.model.cells].find(cell => cell.id === id);
    return found as ICodeCellModel;
  }

  async function veiled(
    cells: object[],
    path = 'n.ipynb'
  ): Promise<[IOpened, NotebookVeil]> {
    const opened = await open(path, notebook(cells as never));
    const veil = new NotebookVeil(opened.context, () => refused++);
    veil.cover(view(opened.context));
    return [opened, veil];
  }

  it('is not there where no run has been', async () => {
    const [opened, veil] = await veiled([code('mine', '1', TRUSTED)]);
    expect(veil.isOn).toBe(false);
    expect(cellOf(opened, 'mine').trusted).toBe(true);
  });

  it.each([
    ['has cells of a run', [code('mine', '1', TRUSTED), agents('c1', '2')], ''],
    ['lies where a kernel can write', [code('mine', '1', TRUSTED)], 'a_files/']
  ])('is there where the notebook %s', async (_, cells, folder) => {
    const [opened, veil] = await veiled(cells, `${folder}n.ipynb`);
    expect(veil.isOn).toBe(true);
    expect(cellOf(opened, 'mine').trusted).toBe(false);
    expect(cellOf(opened, 'mine').getMetadata('trusted')).toBe(undefined);
    expect(opened.context.model.dirty).toBe(false);
  });

  it('falls with the first cell of a run', async () => {
    const [{ context }, veil] = await veiled([code('mine', '1')]);
    expect(veil.isOn).toBe(false);
    const { metadata, source } = agents('c1', '2');
    context.model.sharedModel.insertCell(1, {
      cell_type: 'code',
      metadata,
      source
    });
    expect(veil.isOn).toBe(true);
  });

  it('covers what a person runs, before there is any output', async () => {
    const [opened] = await veiled([code('mine', '1'), agents('c1', '2')]);
    const cell = cellOf(opened, 'mine');
    // As Lab does to run it.
    cell.clearExecution();
    cell.trusted = true;
    expect(cell.trusted).toBe(false);
    cell.outputs.add({ output_type: 'stream', name: 'stdout', text: '1' });
    expect(cell.outputs.trusted).toBe(false);
    expect(cell.getMetadata('trusted')).toBe(undefined);
    expect(refused).toBe(0);
  });

  it('does not let a person trust, and says so', async () => {
    const [opened] = await veiled([
      code('mine', '1', {
        outputs: [{ output_type: 'stream', name: 'stdout', text: 'a' }]
      }),
      agents('c1', '2')
    ]);
    const written = cellOf(opened, 'mine').sharedModel.getOutputs();
    cellOf(opened, 'mine').trusted = true;
    expect(cellOf(opened, 'mine').trusted).toBe(false);
    expect(refused).toBe(1);
    expect(cellOf(opened, 'mine').sharedModel.getOutputs()).toEqual(written);
  });
});
