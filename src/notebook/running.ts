import type { ISharedCell, ISharedCodeCell } from '@jupyter/ydoc';
import type { INotebookModel } from '@jupyterlab/notebook';

import { MARK, markOf } from './mark';

/**
 * A cell that runs, and not because the agent runs it.
 */
export function isRunByPerson(cell: ISharedCell | undefined): boolean {
  return (
    cell?.cell_type === 'code' &&
    (cell as ISharedCodeCell).executionState === 'running' &&
    markOf(cell.getMetadata(MARK))?.status !== 'running'
  );
}

/**
 * Nobody runs any more what a run that was cut off has left as running.
 */
export function endRunning(model: INotebookModel): void {
  for (const cell of model.sharedModel.cells) {
    const mark = markOf(cell.getMetadata(MARK));
    if (cell.cell_type === 'code' && mark?.status === 'running') {
      (cell as ISharedCodeCell).executionState = 'idle';
    }
  }
}
