// @vitest-environment jsdom
import '../testing/browser';

import type { Context } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { asked, ranCell, started } from '../testing/events';
import { agents, code, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import type { IInvestigations } from '../tokens';
import { PendingCell } from './pending';

const PATH = 'bees.ipynb';

let context: Context<INotebookModel>;
let panel: NotebookPanel;
let run: TestRun;
let pending: PendingCell;
const answers: unknown[] = [];

beforeEach(async () => {
  const cells = [
    code('mine', 'x'),
    agents('c1', 'a = 1\nb = 2'),
    code('y', '')
  ];
  ({ context } = await open(PATH, notebook(cells)));
  panel = view(context);
  // Cells out of view are not drawn, and here none has a height.
  panel.content.notebookConfig = {
    ...panel.content.notebookConfig,
    windowingMode: 'none'
  };
  Widget.attach(panel, document.body);
  run = new TestRun('r1', PATH);
  answers.length = 0;
  const investigations = {
    answer: (_: string, answer: unknown) => {
      answers.push(answer);
      return Promise.resolve();
    }
  } as unknown as IInvestigations;
  const trans = nullTranslator.load('');
  pending = new PendingCell(panel.content, run, {
    editors: null,
    investigations,
    trans
  });
  run.happen(started(), ...ranCell('c1', 'a = 1\nb = 2'));
  return () => {
    pending.dispose();
    panel.dispose();
    context.dispose();
  };
});

/**
 * The card, once it is drawn, and the index of the cell that it stands in.
 */
async function card(): Promise<{ node: HTMLElement; at: number }> {
  return vi.waitFor(() => {
    const found = document.querySelectorAll<HTMLElement>('.ib-approval');
    expect(found.length).toBe(1);
    const at = panel.content.widgets.findIndex(({ node }) =>
      node.contains(found[0])
    );
    return { node: found[0], at };
  });
}

describe('the cell that waits for approval', () => {
  it('stands at the end when it is new, and not in the document', async () => {
    const before = JSON.stringify(context.model.toJSON());
    run.happen(
      { type: 'agent_delta', kind: 'text', text: 'What does it say?' },
      asked('call-1', 'c2')
    );
    const { node, at } = await card();
    expect(at).toBe(2);
    expect(node.textContent).toMatch(
      /What does it say\?.*organism\.chat\("Hello"\)/s
    );
    expect(JSON.stringify(context.model.toJSON())).toBe(before);
    expect(document.activeElement).toBe(document.body);
  });

  it('stands below the cell that it changes, with what it changes', async () => {
    run.happen({ ...asked('call-1', 'c1'), code: 'a = 1\nb = 3' } as never);
    const { node, at } = await card();
    expect(at).toBe(1);
    const lines = [...node.querySelectorAll('.ib-diff-line')].map(
      line =>
        `${line.className.split('ib-mod-')[1]} ${line.querySelector('code')!.textContent}`
    );
    expect(lines).toEqual(['same a = 1', 'removed b = 2', 'added b = 3']);
  });

  it('goes when it is answered or the run ends', async () => {
    run.happen(asked('call-1', 'c2'));
    await card();
    run.happen({
      type: 'approval_answered',
      approval: 'call-1',
      decision: 'run'
    });
    expect(document.querySelector('.ib-approval')).toBeNull();
    run.happen(asked('call-2', 'c2'));
    await card();
    pending.dispose();
    expect(document.querySelector('.ib-approval')).toBeNull();
  });

  it('goes on to the end when cells come after it or its cell goes', () => {
    // New cells are drawn at once where all are, which needs an editor.
    panel.content.notebookConfig = {
      ...panel.content.notebookConfig,
      windowingMode: 'full'
    };
    const place = (): number =>
      panel.content.widgets.findIndex(({ node }) =>
        node.querySelector('.ib-Pending')
      );
    run.happen(asked('call-1', 'c2'));
    expect(place()).toBe(2);
    context.model.sharedModel.addCell({ cell_type: 'code', source: 'z' });
    expect(place()).toBe(3);
    context.model.sharedModel.deleteCell(3);
    expect(place()).toBe(2);
  });

  it.each([
    ['Enter', { decision: 'run' }],
    ['s', { decision: 'skip' }]
  ])('is answered by its key %s', async (key, answer) => {
    run.happen(asked('call-1', 'c2'));
    const { node } = await card();
    node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    expect(answers).toEqual([{ approval: 'call-1', ...answer }]);
  });
});
