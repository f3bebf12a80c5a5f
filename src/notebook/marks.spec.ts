// @vitest-environment jsdom
import '../testing/browser';

import type { Context } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it } from 'vitest';

import { ranCell, started } from '../testing/events';
import { TestInvestigations } from '../testing/investigations';
import { agents, code, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import { CellMarks, shortId } from './marks';
import { PanelRun } from './panels';

const PATH = 'bees.ipynb';

let context: Context<INotebookModel>;
let panel: NotebookPanel;
let investigations: TestInvestigations;

beforeEach(async () => {
  const cells = [
    code('mine', 'x'),
    agents('c1', 'a'),
    agents('c2', 'b', 'error'),
    agents('c3', 'c', 'running')
  ];
  ({ context } = await open(PATH, notebook(cells)));
  panel = view(context);
  investigations = new TestInvestigations();
  const panelRun = new PanelRun(panel, investigations.whole);
  new CellMarks(panelRun, nullTranslator.load(''));
  return () => {
    panel.dispose();
    context.dispose();
  };
});

function marks(): (string | null)[] {
  return panel.content.widgets.map(({ node }) => {
    const found = node.querySelectorAll<HTMLElement>('.ib-CellMark');
    expect(found.length).toBeLessThan(2);
    return found[0]?.dataset.status ?? null;
  });
}

function cell(id: string): INotebookModel['sharedModel']['cells'][number] {
  return context.model.sharedModel.cells.find(cell => cell.getId() === id)!;
}

describe('the marks of cells', () => {
  it('are on the cells of runs, with how they ended', () => {
    // No run is at work: the one that says it runs was cut off.
    expect(marks()).toEqual([null, 'ok', 'error', 'interrupted']);
  });

  it('say the same to those who cannot see them', () => {
    const mark = panel.content.widgets[2].node.querySelector('.ib-CellMark');
    expect(mark?.getAttribute('aria-label')).toBe(
      'Written by the agent, ended with an error'
    );
  });

  it('call a cell what the sidebar calls it', () => {
    const texts = panel.content.widgets.map(
      ({ node }) => node.querySelector('.ib-CellMark')?.textContent ?? null
    );
    expect(texts).toEqual([
      null,
      'agent · c1',
      'agent · c2 · error',
      'agent · c3 · interrupted'
    ]);
  });

  it('say that a person has edited the cell, while that is so', () => {
    const run = new TestRun('r1', PATH);
    investigations.list(run);
    run.happen(started(), ...ranCell('c1', 'a'));
    const text = (): string | null =>
      panel.content.widgets[1].node.querySelector('.ib-CellMark')!.textContent;
    expect(text()).toBe('agent · c1');
    cell('c1').setSource('a + 1');
    expect(text()).toBe('agent · c1 · edited');
    cell('c1').setSource('a');
    expect(text()).toBe('agent · c1');
  });

  it('are on cells that come later', () => {
    const metadata = { interp_bench: { run: 'r1', status: null } };
    context.model.sharedModel.insertCell(1, {
      cell_type: 'code',
      source: '',
      metadata
    });
    expect(marks()[1]).toBe('written');
  });

  it('follow the metadata', () => {
    cell('c1').setMetadata('interp_bench', { run: 'r1', status: 'timeout' });
    expect(marks()[1]).toBe('timeout');
    cell('c1').deleteMetadata('interp_bench');
    expect(marks()[1]).toBeNull();
  });

  it('follow the run that is at work', () => {
    const run = new TestRun('r1', PATH);
    investigations.list(run);
    run.happen(
      started(),
      ...ranCell('c1'),
      {
        type: 'cell_added',
        cell_id: 'c3',
        kind: 'code',
        source: 'c',
        reason: ''
      },
      { type: 'cell_started', cell_id: 'c3' }
    );
    expect(marks()).toEqual([null, 'ok', 'error', 'running']);
    run.happen({ type: 'cell_started', cell_id: 'c1' });
    expect(marks()[1]).toBe('running');
    const late = { output_type: 'stream', name: 'stdout', text: 'other' };
    run.happen(
      ...ranCell('c1'),
      { type: 'cell_started', cell_id: 'c3' },
      { type: 'cell_output', cell_id: 'c1', index: 0, output: late }
    );
    expect(marks()[1]).toBe('changed');
    run.happen({ type: 'run_ended', status: 'interrupted', message: '' });
    expect(marks()).toEqual([null, 'ok', 'error', 'interrupted']);
  });
});

describe('the line above a step', () => {
  it('has an edge, and no words beside its own', async () => {
    const said = agents('why-0123abcd-c1', 'First, a few replies.', null, {
      cell_type: 'markdown'
    });
    const opened = await open(
      'told.ipynb',
      notebook([said, agents('c1', 'a')])
    );
    const told = view(opened.context);
    const panelRun = new PanelRun(told, investigations.whole);
    new CellMarks(panelRun, nullTranslator.load(''));
    const [above, step] = told.content.widgets.map(({ node }) => node);
    expect(above.classList).toContain('ib-mod-reason');
    expect(step.classList).not.toContain('ib-mod-reason');
    const mark = above.querySelector<HTMLElement>('.ib-CellMark')!;
    expect(mark.textContent).toBe('');
    expect(mark.dataset.status).toBe('written');
    expect(mark.getAttribute('aria-label')).toBe(
      'What the agent said before the next cell'
    );
    told.dispose();
    opened.context.dispose();
  });
});

describe('the short form of an id', () => {
  it('leaves out the run in ids of first and last cells only', () => {
    expect(shortId('end-e09c9952')).toBe('end');
    expect(shortId('end-e09c9952-2')).toBe('end');
    expect(shortId('setup-0123abcd')).toBe('setup');
    expect(shortId('intro')).toBe('intro');
    expect(shortId('c12')).toBe('c12');
  });
});
