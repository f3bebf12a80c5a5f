/**
 * What a run's kernel may write to: `<notebook>_files` beside each notebook.
 */
const WORK_FOLDER = /(^|\/)[^/]+_files\//;

/**
 * Whether the file at this contents path may have been written by a run's kernel.
 */
export function inWorkFolder(path: string): boolean {
  return WORK_FOLDER.test(path);
}
