import './browser';

import type { IEditorMimeTypeService } from '@jupyterlab/codeeditor';
import { Context } from '@jupyterlab/docregistry';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import {
  Notebook,
  NotebookModelFactory,
  NotebookPanel
} from '@jupyterlab/notebook';
import {
  markdownRendererFactory,
  RenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import { ContentsManager } from '@jupyterlab/services';

import { MemoryDrive } from './drive';
import { SessionServer } from './sessions';

export interface IOpened {
  readonly contents: ContentsManager;
  readonly context: Context<INotebookModel>;
  readonly drive: MemoryDrive;
  readonly server: SessionServer;
}

export function code(
  id: string,
  source: string,
  change: object = {}
): nbformat.ICell {
  return {
    id,
    cell_type: 'code',
    source,
    metadata: {},
    outputs: [],
    execution_count: null,
    ...change
  };
}

/**
 * A cell of the run `r1`.
 */
export function agents(
  id: string,
  source: string,
  status: string | null = 'ok',
  change: object = {}
): nbformat.ICell {
  const metadata = { interp_bench: { run: 'r1', status } };
  return code(id, source, { metadata, ...change });
}

export function notebook(
  cells: nbformat.ICell[],
  minor = 5
): nbformat.INotebookContent {
  const metadata = {
    kernelspec: { name: 'python3', display_name: 'Python 3' },
    language_info: { name: 'python' }
  };
  return { nbformat: 4, nbformat_minor: minor, metadata, cells };
}

/**
 * Open a notebook as Lab does. No kernel is started for it.
 */
export async function open(
  path: string,
  content: nbformat.INotebookContent,
  server = new SessionServer()
): Promise<IOpened> {
  const drive = new MemoryDrive();
  drive.put(path, content);
  const contents = new ContentsManager({ defaultDrive: drive });
  const context = new Context({
    manager: {
      ready: Promise.resolve(),
      contents,
      kernels: server.kernelManager,
      sessions: server.manager,
      kernelspecs: { specs: null }
    } as unknown as ServiceManager.IManager,
    factory: new NotebookModelFactory(),
    path,
    kernelPreference: { shouldStart: false }
  });
  await context.initialize(false);
  return { contents, context, drive, server };
}

/**
 * A view of an open notebook. Its cells are not drawn.
 */
export function view(context: Context<INotebookModel>): NotebookPanel {
  const mimeTypeService: IEditorMimeTypeService = {
    getMimeTypeByLanguage: () => 'text/x-python',
    getMimeTypeByFilePath: () => 'text/x-python'
  };
  const contentFactory = new Notebook.ContentFactory({
    editorFactory: () => {
      throw new Error('Cells are not drawn.');
    }
  });
  const content = new Notebook({
    rendermime: new RenderMimeRegistry({
      initialFactories: [markdownRendererFactory]
    }),
    contentFactory,
    mimeTypeService
  });
  return new NotebookPanel({ content, context });
}
