import type { Cell } from '@jupyterlab/cells';
import type { Notebook } from '@jupyterlab/notebook';

/**
 * How long cells on the way may go on turning out to have another height than Lab had guessed.
 */
const SETTLES_MS = 3000;

/**
 * Share of the viewport that stays free beside the cell, for the output to come.
 */
const MARGIN = 0.15;

/**
 * Scroll to a cell, and again while the cells before it are still being laid out. Another call for the same notebook
 * ends this one.
 *
 * @param tall - Which end of a cell to show that does not fit.
 * @param isWanted - Asked before each scroll.
 * @returns Whether it got there.
 */
export async function bringIntoView(
  notebook: Notebook,
  cell: Cell,
  tall: 'start' | 'end',
  isWanted: () => boolean = () => true
): Promise<boolean> {
  const until = Date.now() + SETTLES_MS;
  while (Date.now() < until) {
    const index = notebook.widgets.indexOf(cell);
    if (index < 0 || !isWanted()) {
      return false;
    }
    try {
      const align = fits(notebook, cell) ? 'auto' : tall;
      await notebook.scrollToItem(index, align, MARGIN);
    } catch {
      // Something else is scrolled to.
      return false;
    }
    const before = cell.node.getBoundingClientRect().top;
    await nextFrame();
    await nextFrame();
    const moved = cell.node.getBoundingClientRect().top - before;
    if (Math.abs(moved) < 1 && isInView(notebook, cell, tall)) {
      return true;
    }
  }
  return true;
}

function isInView(
  notebook: Notebook,
  cell: Cell,
  tall: 'start' | 'end'
): boolean {
  const seen = notebook.outerNode.getBoundingClientRect();
  const { top, bottom } = cell.node.getBoundingClientRect();
  const startSeen = top >= seen.top - 2 && top < seen.bottom;
  const endSeen = bottom <= seen.bottom + 2 && bottom > seen.top;
  if (fits(notebook, cell)) {
    return startSeen && endSeen;
  }
  return tall === 'start' ? startSeen : endSeen;
}

function fits(notebook: Notebook, cell: Cell): boolean {
  return cell.node.clientHeight <= notebook.outerNode.clientHeight;
}

function nextFrame(): Promise<void> {
  return new Promise(resolve => requestAnimationFrame(() => resolve()));
}

/**
 * Make a change to a document that may grow or shrink cells above what the person looks at, and keep that in its place
 * in each of its views. Fully windowed views do so by themselves.
 */
export function keepInView(views: Notebook[], change: () => void): void {
  const kept = views
    .filter(view => view.notebookConfig.windowingMode !== 'full')
    .map(view => ({ scroller: view.outerNode, node: cellInView(view) }))
    .map(({ scroller, node }) => ({ scroller, node, before: topOf(node) }));
  change();
  requestAnimationFrame(() => {
    for (const { scroller, node, before } of kept) {
      if (node?.isConnected) {
        scroller.scrollTop += topOf(node) - before;
      }
    }
  });
}

/**
 * Replace all cells of a document, and keep active cell and scroll position in each of its views.
 */
export function keepPlace(views: Notebook[], change: () => void): void {
  const places = views.map(view => ({
    view,
    active: view.activeCellIndex,
    top: view.outerNode.scrollTop
  }));
  change();
  for (const { view, active } of places) {
    view.activeCellIndex = active;
  }
  requestAnimationFrame(() => {
    for (const { view, top } of places) {
      view.outerNode.scrollTop = top;
    }
  });
}

/**
 * The cell that the person looks at, or null where nothing is scrolled: not one of which only the end is still seen.
 */
function cellInView({ outerNode, widgets }: Notebook): HTMLElement | null {
  if (outerNode.scrollTop === 0) {
    return null;
  }
  const { top, height } = outerNode.getBoundingClientRect();
  const line = top + height / 4;
  const cell = widgets.find(
    ({ node }) => node.isConnected && node.getBoundingClientRect().bottom > line
  );
  return cell?.node ?? null;
}

function topOf(node: HTMLElement | null): number {
  return node?.getBoundingClientRect().top ?? 0;
}
