import type { Contents } from '@jupyterlab/services';
import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

/**
 * A drive with files in memory. What somebody else writes is written with `put`.
 */
export class MemoryDrive implements Contents.IDrive {
  readonly name = '';
  readonly serverSettings = ServerConnection.makeSettings();
  readonly fileChanged: Signal<Contents.IDrive, Contents.IChangedArgs> =
    new Signal(this);
  readonly disposed: Signal<this, void> = new Signal(this);
  isDisposed = false;

  /**
   * Called before each reading, of the whole file or of when it was written.
   */
  onGet: (whole: boolean) => void = () => undefined;

  put(path: string, content: unknown): void {
    this._version++;
    this._files.set(path, {
      content: JSON.stringify(content),
      modified: new Date(1_700_000_000_000 + 1000 * this._version).toISOString()
    });
  }

  read(path: string): unknown {
    return JSON.parse(this._found(path).content);
  }

  get(
    path: string,
    options?: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    const whole = options?.content !== false;
    this.onGet(whole);
    const { content, modified } = this._found(path);
    return Promise.resolve({
      name: path,
      path,
      type: 'notebook',
      writable: true,
      created: modified,
      last_modified: modified,
      mimetype: '',
      format: whole ? 'json' : null,
      content: whole ? this.read(path) : null,
      ...(options?.hash && { hash: content, hash_algorithm: 'none' })
    } as Contents.IModel);
  }

  save(
    path: string,
    options: Partial<Contents.IModel> = {}
  ): Promise<Contents.IModel> {
    this.put(path, options.content);
    return this.get(path, { content: false });
  }

  async rename(oldPath: string, newPath: string): Promise<Contents.IModel> {
    this._files.set(newPath, this._found(oldPath));
    this._files.delete(oldPath);
    const newValue = await this.get(newPath, { content: false });
    const oldValue = { ...newValue, path: oldPath };
    this.fileChanged.emit({ type: 'rename', oldValue, newValue });
    return newValue;
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([{ id: 'checkpoint', last_modified: '' }]);
  }

  dispose(): void {
    this.isDisposed = true;
  }

  getDownloadUrl = unused;
  newUntitled = unused;
  delete = unused;
  copy = unused;
  createCheckpoint = unused;
  restoreCheckpoint = unused;
  deleteCheckpoint = unused;

  private _found(path: string): { content: string; modified: string } {
    const file = this._files.get(path);
    if (!file) {
      throw new Error(`There is no file ${path}.`);
    }
    return file;
  }

  private readonly _files = new Map<
    string,
    { content: string; modified: string }
  >();
  private _version = 0;
}

function unused(): Promise<never> {
  return Promise.reject(new Error('Not part of this drive.'));
}
