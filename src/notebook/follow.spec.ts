// @vitest-environment jsdom
import '../testing/browser';

import type { NotebookPanel } from '@jupyterlab/notebook';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { started } from '../testing/events';
import { agents, notebook, open, view } from '../testing/notebook';
import { TestRun } from '../testing/run';
import { Follow } from './follow';

let panel: NotebookPanel;
let run: TestRun;
let follow: Follow;

beforeEach(async () => {
  const cells = ['c1', 'c2', 'c3'].map(id => agents(id, id));
  const { context } = await open('bees.ipynb', notebook(cells));
  panel = view(context);
  run = new TestRun('r1', 'bees.ipynb');
  run.happen(started());
  follow = new Follow(panel.content, run, true);
  await run.ready;
  return () => {
    follow.dispose();
    panel.dispose();
    context.dispose();
  };
});

function dispatch(
  event: Event,
  target: EventTarget = panel.content.node
): void {
  target.dispatchEvent(event);
}

describe('following the agent', () => {
  it.each<[string, () => void]>([
    ['the wheel', () => dispatch(new WheelEvent('wheel', { deltaY: -20 }))],
    ['a touch', () => dispatch(new Event('touchmove'))],
    ['a key', () => dispatch(new KeyboardEvent('keydown', { key: 'ArrowUp' }))],
    ['typing', () => dispatch(new KeyboardEvent('keydown', { key: 'x' }))],
    [
      'the scroll bar',
      () =>
        dispatch(
          new Event('pointerdown', { bubbles: true }),
          panel.content.outerNode
        )
    ]
  ])('ends with %s', (_, scroll) => {
    const changed = vi.fn();
    follow.changed.connect(changed);
    scroll();
    expect(follow.enabled).toBe(false);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Event]>([
    ['a click', new Event('pointerdown')],
    ['a modifier', new KeyboardEvent('keydown', { key: 'Control' })],
    ['a command', new KeyboardEvent('keydown', { key: 's', ctrlKey: true })],
    ['zooming', new WheelEvent('wheel', { deltaY: 9, ctrlKey: true })],
    ['scrolling aside', new WheelEvent('wheel', { deltaX: 9 })]
  ])('goes on with %s', (_, event) => {
    dispatch(event);
    expect(follow.enabled).toBe(true);
  });

  it('no longer listens when the run has ended', () => {
    follow.dispose();
    dispatch(new WheelEvent('wheel', { deltaY: -20 }));
    expect(follow.enabled).toBe(true);
  });
});
