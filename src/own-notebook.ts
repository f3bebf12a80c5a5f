import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Contents } from '@jupyterlab/services';

/**
 * Make a notebook of the person's own, whose first cell takes the organism of `config`, and open it.
 */
export async function openNotebookWith(
  config: string,
  contents: Contents.IManager,
  documents: IDocumentManager
): Promise<void> {
  const { path } = await contents.newUntitled({ type: 'notebook' });
  const content = notebookWith(config);
  await contents.save(path, { type: 'notebook', format: 'json', content });
  documents.openOrReveal(path);
}

function notebookWith(config: string): object {
  const code = (id: string, source: string): object => ({
    cell_type: 'code',
    id,
    source,
    metadata: {},
    outputs: [],
    execution_count: null
  });
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: {
        name: 'python3',
        display_name: 'Python 3 (ipykernel)',
        language: 'python'
      },
      language_info: { name: 'python' }
    },
    cells: [
      code('use', `%load_ext interp_bench_ext\n%interp use ${config}`),
      code('ask', '%interp chat "Tell me about yourself."')
    ]
  };
}
