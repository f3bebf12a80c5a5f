// @vitest-environment jsdom
import '../testing/browser';

import type { ISharedCodeCell } from '@jupyter/ydoc';
import type { Context } from '@jupyterlab/docregistry';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Event } from '../generated/events';
import type { MemoryDrive } from '../testing/drive';
import { agents, code, notebook, open } from '../testing/notebook';
import { TestRun } from '../testing/run';
import { FileSync } from './filesync';

const PATH = 'bees.ipynb';
const ADDED: Event = {
  type: 'cell_added',
  cell_id: 'c1',
  kind: 'code',
  source: '',
  reason: ''
};

let drive: MemoryDrive;
let context: Context<INotebookModel>;
let sync: FileSync;
let run: TestRun;
let following: IDisposable;

async function begin(content: nbformat.INotebookContent): Promise<void> {
  const opened = await open(PATH, content);
  ({ context, drive } = opened);
  sync = new FileSync(context, opened.contents, () => []);
  run = new TestRun('r1', PATH);
  following = sync.follow(run);
}

/**
 * The agent writes the file, and the event of it has come before.
 */
function write(...cells: nbformat.ICell[]): void {
  run.happen(ADDED);
  drive.put(PATH, notebook(cells));
}

function cell(id: string): INotebookModel['sharedModel']['cells'][number] {
  return context.model.sharedModel.cells.find(cell => cell.getId() === id)!;
}

function shown(): string[] {
  return context.model.sharedModel.cells.map(cell => cell.getSource());
}

function saved(): string[] {
  const { cells } = drive.read(PATH) as nbformat.INotebookContent;
  return cells.map(cell => String(cell.source));
}

function dialog(): Element | null {
  return document.querySelector('.jp-Dialog');
}

async function comes(...sources: string[]): Promise<void> {
  await vi.waitFor(() => expect(shown()).toEqual(sources), 2000);
}

/**
 * All that is in the file has been looked at.
 */
async function isKnown(): Promise<void> {
  await vi.waitFor(async () => {
    const file = await drive.get(PATH, { hash: true, content: false });
    expect(context.contentsModel?.hash).toBe(file.hash);
  }, 2000);
}

beforeEach(() => begin(notebook([code('mine', 'x = 1')])));

afterEach(() => {
  context.dispose();
  document.body.replaceChildren();
});

describe('what the agent writes into the file', () => {
  it('appears in the open notebook, which stays clean', async () => {
    write(code('mine', 'x = 1'), agents('c1', 'y'));
    await comes('x = 1', 'y');
    expect(context.model.dirty).toBe(false);
  });

  it('appears also when it is written some time after its event', async () => {
    let looks = 0;
    drive.onGet = () => {
      if (++looks === 4) {
        drive.put(PATH, notebook([code('mine', 'x = 1'), agents('c1', 'y')]));
      }
    };
    run.happen(ADDED);
    await comes('x = 1', 'y');
  });

  it('appears beside text that is not saved', async () => {
    cell('mine').setSource('x = 2');
    write(code('mine', 'x = 1'), agents('c1', 'y'));
    await comes('x = 2', 'y');
    expect(context.model.dirty).toBe(true);
  });

  it('does not put an automatic save off', async () => {
    const told = vi.fn();
    context.fileChanged.connect(told);
    write(code('mine', 'x = 1'), agents('c1', 'y'));
    await comes('x = 1', 'y');
    expect(told).not.toHaveBeenCalled();
  });

  it('appears to the end when the run has ended', async () => {
    run.happen({ type: 'run_ended', status: 'finished', message: '' });
    following.dispose();
    drive.put(PATH, notebook([code('mine', 'x = 1'), agents('c1', 'last')]));
    await comes('x = 1', 'last');
  });
});

describe('a cell that the agent runs', () => {
  it('no longer runs when its run was cut off', async () => {
    write(code('mine', 'x = 1'), agents('c1', 'y', 'running'));
    await comes('x = 1', 'y');
    const { executionState } = cell('c1') as ISharedCodeCell;
    expect(executionState).toBe('running');
    vi.useFakeTimers();
    try {
      following.dispose();
      await vi.advanceTimersByTimeAsync(20_000);
    } finally {
      vi.useRealTimers();
    }
    expect((cell('c1') as ISharedCodeCell).executionState).toBe('idle');
  });
});

describe('a save', () => {
  it('keeps both sides, and nobody is asked', async () => {
    cell('mine').setSource('x = 2');
    drive.put(PATH, notebook([code('mine', 'x = 1'), agents('c1', 'y')]));
    await context.save();
    expect(dialog()).toBeNull();
    expect(saved()).toEqual(['x = 2', 'y']);
    expect(shown()).toEqual(['x = 2', 'y']);
    expect(context.model.dirty).toBe(false);
  });

  it('survives a file that changes again and again meanwhile', async () => {
    cell('mine').setSource('x = 2');
    const cells = [code('mine', 'x = 1')];
    let left = 3;
    drive.onGet = whole => {
      // The agent is always a little faster.
      if (!whole && left-- > 0) {
        cells.push(agents(`c${left}`, `y${left}`));
        drive.put(PATH, notebook(cells));
      }
    };
    await context.save();
    expect(dialog()).toBeNull();
    expect(saved()).toEqual(['x = 2', 'y2', 'y1', 'y0']);
  });

  it('is not taken back by a write that had read the file before it', async () => {
    write(code('mine', 'x = 1'), agents('c1', 'y'));
    await comes('x = 1', 'y');
    cell('mine').setSource('x = 2');
    context.model.sharedModel.insertCell(1, {
      cell_type: 'code',
      source: 'new'
    });
    await context.save();
    drive.put(
      PATH,
      notebook([code('mine', 'x = 1'), agents('c1', 'y'), agents('c2', 'z')])
    );
    await comes('x = 2', 'new', 'y', 'z');
    expect(context.model.dirty).toBe(true);
    await context.save();
    expect(saved()).toEqual(['x = 2', 'new', 'y', 'z']);
  });

  it("is Lab's own when the run is over", async () => {
    following.dispose();
    vi.useFakeTimers();
    try {
      sync.follow(run).dispose();
      await vi.advanceTimersByTimeAsync(20_000);
    } finally {
      vi.useRealTimers();
    }
    cell('mine').setSource('x = 2');
    drive.put(PATH, notebook([code('mine', 'x = 3')]));
    const save = context.save();
    await vi.waitFor(() => expect(dialog()).not.toBeNull());
    dialog()!.querySelector<HTMLButtonElement>('.jp-mod-reject')!.click();
    await expect(save).rejects.toThrow('Cancel');
    expect(saved()).toEqual(['x = 3']);
  });
});

describe('a cell that both have changed', () => {
  beforeEach(async () => {
    write(code('mine', 'x = 1'), agents('c1', 'y'));
    await comes('x = 1', 'y');
    cell('c1').setSource('my y');
    write(code('mine', 'x = 1'), agents('c1', 'agent y'));
    await vi.waitFor(() =>
      expect([...sync.conflicts]).toEqual([['c1', 'agent y']])
    );
  });

  it("shows the person's text", () => {
    expect(shown()).toEqual(['x = 1', 'my y']);
  });

  it("takes the agent's when the person says so", async () => {
    sync.takeFiles();
    expect(shown()).toEqual(['x = 1', 'agent y']);
    expect(sync.conflicts.size).toBe(0);
    await context.save();
    expect(saved()).toEqual(['x = 1', 'agent y']);
  });

  it("keeps the person's when the person says so", async () => {
    await sync.keepOwn();
    expect(dialog()).toBeNull();
    expect(saved()).toEqual(['x = 1', 'my y']);
    expect(sync.conflicts.size).toBe(0);
  });
});

describe('a notebook from before cell ids', () => {
  const old = ['a', 'b'].map(source => {
    const cell: Partial<nbformat.ICell> = code('', source);
    delete cell.id;
    return cell as nbformat.ICell;
  });
  const upgraded = [code('1', 'a'), code('2', 'b'), agents('c1', 'y')];

  beforeEach(() => begin(notebook(old, 4)));

  it('is loaded again once, and has no cell twice', async () => {
    write(...upgraded);
    await comes('a', 'b', 'y');
    write(...upgraded, agents('c2', 'z'));
    await comes('a', 'b', 'y', 'z');
    expect(context.model.dirty).toBe(false);
  });

  it('is loaded again also when only its metadata has changed here', async () => {
    context.model.setMetadata('language_info', { name: 'python3' });
    expect(context.model.dirty).toBe(true);
    write(...upgraded);
    await comes('a', 'b', 'y');
  });

  it('waits for a word of the person who has edited it', async () => {
    context.model.sharedModel.cells[0].setSource('edited');
    write(...upgraded);
    await vi.waitFor(() => expect(sync.blocked).toBe(true));
    expect(shown()).toEqual(['edited', 'b']);
    await sync.revert();
    expect(shown()).toEqual(['a', 'b', 'y']);
    expect(sync.blocked).toBe(false);
    await isKnown();
  });
});
