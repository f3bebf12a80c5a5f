import type {
  ISharedAttachmentsCell,
  ISharedCell,
  ISharedCodeCell,
  SharedCell
} from '@jupyter/ydoc';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { PartialJSONValue } from '@lumino/coreutils';

import { MARK, markOf } from './mark';
import type { ICellPatch, IMerge, IPlainCell } from './merge';
import { commonPrefix, updateOutputs } from './outputs';

/**
 * Bring an open notebook up to a merge, outside of the person's undo history. Cells that stay the same keep their
 * widgets, and with them selection, cursor, scroll position and what is folded.
 */
export function applyMerge(
  model: INotebookModel,
  merge: IMerge,
  isRunning: (id: string) => boolean
): void {
  const notebook = model.sharedModel;
  const dirty = model.dirty || merge.ahead;
  const rest: (() => void)[] = [];
  const touched = new Set(merge.patches.map(patch => patch.id));
  const running = new Set(
    notebook.cells.map(cell => cell.getId()).filter(isRunning)
  );
  const silently = (change: () => void) =>
    notebook.transact(() => {
      change();
      model.dirty = dirty;
    }, false);

  silently(() => {
    const cells = new Map(notebook.cells.map(cell => [cell.getId(), cell]));
    for (const patch of merge.patches) {
      rest.push(...patchCell(cells.get(patch.id)!, patch));
    }
    const ids = notebook.cells.map(cell => cell.getId());
    for (const id of merge.removals) {
      const index = ids.indexOf(id);
      ids.splice(index, 1);
      notebook.deleteCell(index);
    }
    for (const { after, cell } of merge.insertions) {
      const index = after === null ? 0 : ids.indexOf(after) + 1;
      ids.splice(index, 0, cell.id);
      notebook.insertCell(index, toShared(cell));
    }
  });
  silently(() => {
    rest.forEach(step => step());
    notebook.cells.forEach(cell => {
      if (cell.cell_type === 'code' && !running.has(cell.getId())) {
        settleState(cell as ISharedCodeCell, touched.has(cell.getId()));
      }
    });
  });
}

function patchCell(cell: ISharedCell, patch: ICellPatch): (() => void)[] {
  if (patch.source !== undefined) {
    replaceText(cell, patch.source);
  }
  if (patch.attachments !== undefined && cell.cell_type !== 'code') {
    (cell as ISharedAttachmentsCell).setAttachments(
      (patch.attachments ?? undefined) as nbformat.IAttachments | undefined
    );
  }
  if (patch.mark === null) {
    cell.deleteMetadata(MARK);
  } else if (patch.mark !== undefined) {
    cell.setMetadata(MARK, patch.mark);
  }
  if (!patch.results || cell.cell_type !== 'code') {
    return [];
  }
  const code = cell as ISharedCodeCell;
  code.execution_count = patch.results.executionCount;
  // Tells Lab that the results belong to this text, see `settleState`.
  code.executionState = 'running';
  const rest = updateOutputs(code, patch.results.outputs);
  return rest ? [rest] : [];
}

/**
 * A cell that the agent runs shows `[*]`, one that it has run shows its count.
 */
function settleState(cell: ISharedCodeCell, touched: boolean): void {
  const mark = markOf(cell.getMetadata(MARK));
  if (mark?.status === 'running') {
    cell.executionState = 'running';
  } else if (mark || touched) {
    cell.executionState = 'idle';
  }
}

/**
 * Replace only what differs, so that a cursor before or after it stays where it is.
 */
function replaceText(cell: ISharedCell, wanted: string): void {
  const found = cell.getSource();
  const start = commonPrefix(found, wanted);
  const limit = Math.min(found.length, wanted.length) - start;
  let same = 0;
  while (
    same < limit &&
    found[found.length - 1 - same] === wanted[wanted.length - 1 - same]
  ) {
    same++;
  }
  cell.updateSource(
    start,
    found.length - same,
    wanted.slice(start, wanted.length - same)
  );
}

function toShared(cell: IPlainCell): SharedCell.Cell {
  const metadata = cell.metadata as Record<string, PartialJSONValue>;
  const base = { id: cell.id, source: cell.source, metadata };
  if (cell.cell_type === 'code') {
    const { outputs, execution_count: count } = cell;
    return {
      ...base,
      cell_type: 'code',
      outputs: [...outputs],
      execution_count: count
    };
  }
  const attachments = cell.attachments as nbformat.IAttachments | null;
  return {
    ...base,
    cell_type: cell.cell_type === 'markdown' ? 'markdown' : 'raw',
    ...(attachments && { attachments })
  };
}
