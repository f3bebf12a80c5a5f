// @vitest-environment jsdom
import '../testing/browser';

import type { ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import { NotebookModel } from '@jupyterlab/notebook';
import { beforeEach, describe, expect, it } from 'vitest';

import { applyMerge } from './apply';
import type { IMerge, IPlainCell } from './merge';
import { mergeCells, plainCells } from './merge';

type Output = nbformat.IOutput;

function stream(text: string, name = 'stdout'): Output {
  return { output_type: 'stream', name, text };
}

function display(text: string): Output {
  return {
    output_type: 'display_data',
    data: { 'text/plain': text },
    metadata: {}
  };
}

function agents(id: string, change: Partial<IPlainCell> = {}): IPlainCell {
  return {
    id,
    cell_type: 'code',
    source: `source of ${id}`,
    metadata: { interp_bench: { run: 'r1', status: 'ok' } },
    outputs: [],
    execution_count: null,
    attachments: null,
    ...change
  };
}

function running(id: string, change: Partial<IPlainCell> = {}): IPlainCell {
  const metadata = { interp_bench: { run: 'r1', status: 'running' } };
  return agents(id, { metadata, ...change });
}

describe('an open notebook', () => {
  let model: INotebookModel;
  let base: IPlainCell[];

  beforeEach(() => {
    model = new NotebookModel();
    model.fromJSON({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: [{ id: 'mine', cell_type: 'code', source: 'mine', metadata: {} }]
    });
    model.sharedModel.clearUndoHistory();
    model.dirty = false;
    base = content();
  });

  function content(): IPlainCell[] {
    return plainCells(model.toJSON() as nbformat.INotebookContent);
  }

  /**
   * The file is now this; the person has edited nothing since the last time unless the test says so.
   */
  function take(file: IPlainCell[], isRunning = () => false): IMerge {
    const open = content();
    const merge = mergeCells({
      base,
      file,
      open: {
        ids: open.map(cell => cell.id),
        cell: id => open.find(cell => cell.id === id)
      },
      beforeSave: new Map(),
      isRunning
    });
    applyMerge(model, merge, isRunning);
    base = file;
    return merge;
  }

  function cell(id: string): ICodeCellModel {
    const found = [...model.cells].find(cell => cell.id === id);
    return found as ICodeCellModel;
  }

  it('gets what the file has, and stays clean', () => {
    const [mine] = base;
    take([
      mine,
      agents('c1', { outputs: [display('a')], execution_count: 1 }),
      agents('note', { cell_type: 'markdown', source: '# Note' })
    ]);
    expect(content().map(({ id, source }) => [id, source])).toEqual([
      ['mine', 'mine'],
      ['c1', 'source of c1'],
      ['note', '# Note']
    ]);
    expect(cell('c1').executionCount).toBe(1);
    expect(model.dirty).toBe(false);
  });

  it('stays dirty when it was', () => {
    cell('mine').sharedModel.setSource('edited');
    take([...base, agents('c1')]);
    expect(model.dirty).toBe(true);
    expect(cell('mine').sharedModel.getSource()).toBe('edited');
  });

  it('keeps the models of cells that stay', () => {
    take([...base, agents('c1')]);
    const [mine, c1] = [cell('mine'), cell('c1')];
    take([
      base[0],
      agents('c1', { source: 'source of c2', outputs: [stream('1')] }),
      agents('c2')
    ]);
    expect([cell('mine'), cell('c1')]).toEqual([mine, c1]);
    expect(mine.isDisposed || c1.isDisposed).toBe(false);
  });

  it('replaces a cell whose type changes', () => {
    take([base[0], agents('c1'), agents('c2')]);
    take([base[0], agents('c1', { cell_type: 'markdown' }), base[2]]);
    expect([...model.cells].map(({ id, type }) => [id, type])).toEqual([
      ['mine', 'code'],
      ['c1', 'markdown'],
      ['c2', 'code']
    ]);
  });

  it('has nothing of this in its undo history', () => {
    take([...base, agents('c1')]);
    take([base[0], agents('c1', { source: 'other' })]);
    expect(model.sharedModel.canUndo()).toBe(false);
    expect(cell('c1').sharedModel.canUndo()).toBe(false);
  });

  it('shows that the agent runs a cell, and its count when it has', () => {
    take([...base, running('c1')]);
    expect(cell('c1').executionState).toBe('running');
    take([base[0], agents('c1', { execution_count: 4 })]);
    expect(cell('c1').executionState).toBe('idle');
    expect(cell('c1').executionCount).toBe(4);
  });

  it('does not show a cell as running that was interrupted before it had a count', () => {
    take([...base, running('c1')]);
    take([
      base[0],
      agents('c1', {
        metadata: { interp_bench: { run: 'r1', status: 'interrupted' } }
      })
    ]);
    expect(cell('c1').executionState).toBe('idle');
  });

  it('does not call a cell edited that was rewritten and run at once', () => {
    take([...base, agents('c1', { execution_count: 1 })]);
    take([base[0], agents('c1', { source: 'new', execution_count: 2 })]);
    expect(cell('c1').isDirty).toBe(false);
  });

  it('leaves a cell running that the person runs', () => {
    take([...base, agents('c1')]);
    cell('c1').executionState = 'running';
    take(
      [base[0], agents('c1', { outputs: [stream('by the agent')] })],
      () => true
    );
    expect(cell('c1').executionState).toBe('running');
    expect(cell('c1').outputs.length).toBe(0);
  });

  describe('outputs', () => {
    function show(outputs: Output[]): void {
      take([base[0], agents('c1', { outputs })]);
      expect(cell('c1').sharedModel.getOutputs()).toEqual(outputs);
      expect(cell('c1').outputs.toJSON()).toEqual(outputs);
    }

    it.each<[string, Output[][]]>([
      ['grow', [[stream('a')], [stream('ab')], [stream('ab'), display('x')]]],
      ['are rewritten', [[stream('10 %')], [stream('20 %')], [stream('2')]]],
      [
        'are rewritten before a new one',
        [
          [display('x'), stream('10 %')],
          [display('x'), stream('100 %'), display('y')]
        ]
      ],
      [
        'are replaced',
        [
          [display('a'), display('b')],
          [display('a'), display('c')]
        ]
      ],
      ['are cleared', [[stream('a'), display('b')], []]],
      [
        'change from stream to stream behind others',
        [
          [display('a'), stream('x'), display('b'), stream('y')],
          [display('a'), stream('z')]
        ]
      ],
      [
        'change the stream',
        [[stream('a')], [stream('a', 'stderr')], [stream('b', 'stderr')]]
      ]
    ])('%s', (_, steps) => {
      steps.forEach(show);
    });

    it('come to what the file has, whatever was there', () => {
      // A small fixed sequence of numbers, so that a failure can be repeated.
      let seed = 7;
      const draw = (below: number): number => {
        seed = (seed * 16807) % 2147483647;
        return seed % below;
      };
      for (let step = 0; step < 400; step++) {
        const outputs: Output[] = [];
        for (let left = draw(5); left > 0; left--) {
          const last = outputs.at(-1);
          const name = ['stdout', 'stderr'][draw(2)];
          if (draw(2) === 0) {
            outputs.push(display('ab'[draw(2)]));
          } else if (last?.output_type !== 'stream' || last.name !== name) {
            outputs.push(stream('abab'.slice(0, 1 + draw(4)), name));
          }
        }
        show(outputs);
      }
    });

    it('that stay the same are not made again', () => {
      show([display('plot')]);
      const plot = cell('c1').outputs.get(0);
      show([display('plot'), stream('a')]);
      show([display('plot'), stream('ab')]);
      expect(cell('c1').outputs.get(0)).toBe(plot);
    });
  });
});
