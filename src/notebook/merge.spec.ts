import { describe, expect, it } from 'vitest';

import type { IMerge, IPlainCell } from './merge';
import { mergeCells } from './merge';

const RUN = { run: 'r1', status: 'ok' };

function code(id: string, change: Partial<IPlainCell> = {}): IPlainCell {
  return {
    id,
    cell_type: 'code',
    source: `source of ${id}`,
    metadata: {},
    outputs: [],
    execution_count: null,
    attachments: null,
    ...change
  };
}

function agents(id: string, change: Partial<IPlainCell> = {}): IPlainCell {
  return code(id, { metadata: { interp_bench: RUN }, ...change });
}

function stdout(text: string): IPlainCell['outputs'] {
  return [{ output_type: 'stream', name: 'stdout', text }];
}

interface ISides {
  base: IPlainCell[];
  file: IPlainCell[];
  open: IPlainCell[];
  beforeSave?: [string, IPlainCell | null][];
  running?: string[];
}

function merge(sides: ISides): IMerge {
  return mergeCells({
    base: sides.base,
    file: sides.file,
    open: {
      ids: sides.open.map(cell => cell.id),
      cell: id => sides.open.find(cell => cell.id === id)
    },
    beforeSave: new Map(sides.beforeSave ?? []),
    isRunning: id => (sides.running ?? []).includes(id)
  });
}

describe('what the agent does', () => {
  it('adds a cell after its predecessor, also beside cells that the file does not know', () => {
    const [mine, own, c1] = [code('mine'), code('own'), agents('c1')];
    const merged = merge({
      base: [mine],
      file: [mine, c1],
      open: [mine, own]
    });
    expect(merged.insertions).toEqual([{ after: 'mine', cell: c1 }]);
    expect(merged.removals).toEqual([]);
  });

  it('adds several cells in their order', () => {
    const [mine, c1, c2] = [code('mine'), agents('c1'), agents('c2')];
    const merged = merge({ base: [mine], file: [c1, mine, c2], open: [mine] });
    expect(
      merged.insertions.map(({ after, cell }) => [after, cell.id])
    ).toEqual([
      [null, 'c1'],
      ['mine', 'c2']
    ]);
  });

  it('changes text, results and mark of its cell', () => {
    const before = agents('c1');
    const after = agents('c1', {
      source: 'new',
      outputs: stdout('1\n'),
      execution_count: 3,
      metadata: { interp_bench: { run: 'r1', status: 'error' } }
    });
    const merged = merge({ base: [before], file: [after], open: [before] });
    expect(merged.patches).toEqual([
      {
        id: 'c1',
        source: 'new',
        results: { outputs: stdout('1\n'), executionCount: 3 },
        mark: { run: 'r1', status: 'error' }
      }
    ]);
    expect(merged.ahead).toBe(false);
  });
});

describe('what the person does meanwhile', () => {
  it('keeps unsaved text where only the results have changed in the file', () => {
    const base = agents('c1');
    const merged = merge({
      base: [base],
      file: [agents('c1', { outputs: stdout('1') })],
      open: [agents('c1', { source: 'my own' })]
    });
    expect(merged.patches).toEqual([
      { id: 'c1', results: { outputs: stdout('1'), executionCount: null } }
    ]);
    expect(merged.conflicts.size).toBe(0);
    expect(merged.ahead).toBe(true);
  });

  it('keeps its text where both have changed it, and says so', () => {
    const merged = merge({
      base: [agents('c1')],
      file: [agents('c1', { source: 'by the agent' })],
      open: [agents('c1', { source: 'my own' })]
    });
    expect(merged.patches).toEqual([]);
    expect([...merged.conflicts]).toEqual([['c1', 'by the agent']]);
  });

  it('is not a conflict where both have come to the same text', () => {
    const same = agents('c1', { source: 'same' });
    const merged = merge({ base: [agents('c1')], file: [same], open: [same] });
    expect(merged.conflicts.size).toBe(0);
    expect(merged.patches).toEqual([]);
  });

  it('leaves the results of a cell that the person runs alone', () => {
    const merged = merge({
      base: [agents('c1')],
      file: [agents('c1', { outputs: stdout('the agent') })],
      open: [agents('c1', { outputs: stdout('half') })],
      running: ['c1']
    });
    expect(merged.patches).toEqual([]);
    expect(merged.ahead).toBe(true);
  });

  it('keeps results of its own cells and takes those of the agent', () => {
    const results = (id: string, text: string): Partial<IPlainCell> => ({
      outputs: stdout(`${text} ${id}`)
    });
    const merged = merge({
      base: [code('mine'), agents('c1')],
      file: [
        code('mine', results('mine', 'file')),
        agents('c1', results('c1', 'file'))
      ],
      open: [
        code('mine', results('mine', 'open')),
        agents('c1', results('c1', 'open'))
      ]
    });
    expect(merged.patches.map(patch => patch.id)).toEqual(['c1']);
  });

  it('keeps a cell deleted until somebody writes it again', () => {
    const [mine, c1] = [code('mine'), agents('c1')];
    const still = merge({ base: [mine, c1], file: [mine, c1], open: [mine] });
    expect(still.insertions).toEqual([]);
    const again = merge({
      base: [mine, c1],
      file: [mine, agents('c1', { outputs: stdout('1') })],
      open: [mine]
    });
    expect(again.insertions.map(({ cell }) => cell.id)).toEqual(['c1']);
  });

  it('removes a cell that is gone from the file only if it has not changed here', () => {
    const [a, b] = [code('a'), code('b')];
    const merged = merge({
      base: [a, b],
      file: [],
      open: [a, code('b', { source: 'edited' })]
    });
    expect(merged.removals).toEqual(['a']);
    expect(merged.ahead).toBe(true);
  });

  it('lets a cell change its type where it was not touched here', () => {
    const merged = merge({
      base: [agents('c1')],
      file: [agents('c1', { cell_type: 'markdown' })],
      open: [agents('c1')]
    });
    expect(merged.removals).toEqual(['c1']);
    expect(merged.insertions[0].cell.cell_type).toBe('markdown');
  });

  it('does not touch a cell whose type was changed here', () => {
    const merged = merge({
      base: [agents('c1')],
      file: [agents('c1', { source: 'new' })],
      open: [agents('c1', { cell_type: 'markdown' })]
    });
    expect([merged.removals, merged.insertions, merged.patches]).toEqual([
      [],
      [],
      []
    ]);
    expect(merged.ahead).toBe(true);
  });
});

describe('a write that crosses a save', () => {
  const [old, saved] = [code('mine'), code('mine', { source: 'saved' })];

  it('takes back neither text', () => {
    const merged = merge({
      base: [saved],
      file: [old, agents('c1')],
      open: [saved],
      beforeSave: [['mine', old]]
    });
    expect(merged.patches).toEqual([]);
    expect(merged.insertions.map(({ cell }) => cell.id)).toEqual(['c1']);
    expect(merged.ahead).toBe(true);
  });

  it('nor a new cell', () => {
    const merged = merge({
      base: [old, code('new')],
      file: [old],
      open: [old, code('new')],
      beforeSave: [['new', null]]
    });
    expect(merged.removals).toEqual([]);
    expect(merged.ahead).toBe(true);
  });

  it('nor a deletion', () => {
    const merged = merge({
      base: [],
      file: [old],
      open: [],
      beforeSave: [['mine', old]]
    });
    expect(merged.insertions).toEqual([]);
  });
});

describe('the order of cells', () => {
  const [a, b] = [code('a'), code('b')];

  it('is as before with new cells between', () => {
    const { reordered } = merge({
      base: [a, b],
      file: [a, agents('c1'), b],
      open: [a, b]
    });
    expect(reordered).toBe(false);
  });

  it('is another one where somebody has moved a cell', () => {
    expect(merge({ base: [a, b], file: [b, a], open: [a, b] }).reordered).toBe(
      true
    );
  });
});
