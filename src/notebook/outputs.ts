import type { ISharedCodeCell, YCodeCell } from '@jupyter/ydoc';
import type * as nbformat from '@jupyterlab/nbformat';
import { JSONExt } from '@lumino/coreutils';

/**
 * Make the outputs of a cell what they should be with as little as possible drawn again: plots that stay the same stay,
 * and a stream that grows only grows.
 *
 * @returns What remains to be done in a transaction of its own: Lab's view applies the insertions of a transaction
 * before its deletions, and joins a new stream to the old one that is still there.
 */
export function updateOutputs(
  cell: ISharedCodeCell,
  wanted: readonly nbformat.IOutput[]
): (() => void) | null {
  const found = cell.getOutputs();
  const kept = found.findIndex((output, at) => !equal(output, wanted[at]));
  const start = kept < 0 ? found.length : kept;
  if (start === found.length - 1 && start < wanted.length) {
    const [old, next] = [found[start], wanted[start]];
    if (isStream(old) && isStream(next) && old.name === next.name) {
      return rewriteStream(cell as YCodeCell, start, wanted);
    }
  }
  const from = joinsStream(found, wanted, start) ? 0 : start;
  if (from < found.length) {
    cell.updateOutputs(from, found.length, []);
  }
  return from < wanted.length
    ? () => cell.updateOutputs(from, from, [...wanted.slice(from)])
    : null;
}

/**
 * The last output is a stream whose text changes: cut it where the texts part, then go on from there.
 */
function rewriteStream(
  cell: YCodeCell,
  at: number,
  wanted: readonly nbformat.IOutput[]
): () => void {
  const old = text(cell.getOutputs()[at]);
  const next = text(wanted[at]);
  const common = commonPrefix(old, next);
  if (common < old.length) {
    cell.removeStreamOutput(at, common);
  }
  return () => {
    if (common < next.length) {
      cell.appendStreamOutput(at, next.slice(common));
    }
    if (wanted.length > at + 1) {
      cell.updateOutputs(at + 1, at + 1, [...wanted.slice(at + 1)]);
    }
  };
}

/**
 * Whether Lab's view would join the first new output to what stays: it remembers the name of the last stream that was
 * added, also after that stream was removed.
 */
function joinsStream(
  found: readonly nbformat.IOutput[],
  wanted: readonly nbformat.IOutput[],
  start: number
): boolean {
  const last = found[found.length - 1];
  const next = wanted[start];
  return (
    start > 0 &&
    start < found.length &&
    isStream(last) &&
    next !== undefined &&
    isStream(next) &&
    last.name === next.name
  );
}

function isStream(output: nbformat.IOutput): output is nbformat.IStream {
  return output.output_type === 'stream';
}

function text(output: nbformat.IOutput): string {
  const value = (output as nbformat.IStream).text;
  return Array.isArray(value) ? value.join('') : value;
}

export function commonPrefix(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) {
    length++;
  }
  return length;
}

function equal(a: nbformat.IOutput, b: nbformat.IOutput | undefined): boolean {
  return b !== undefined && JSONExt.deepEqual(a, b);
}
