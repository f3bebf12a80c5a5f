import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';

/**
 * The private half of Lab's `Context` that is used here.
 */
interface IContextInside {
  _contentsModel: Contents.IModel | null;
  _createSaveOptions(): Partial<Contents.IModel>;
  _maybeSave(options: Partial<Contents.IModel>): Promise<Contents.IModel>;
  _raiseConflict(
    file: Contents.IModel,
    options: Partial<Contents.IModel>
  ): Promise<Contents.IModel>;
}

/**
 * How often a save that meets a newer file merges and tries again before the person is asked.
 */
const ATTEMPTS = 5;

const READS = 5;
const READ_AGAIN_MS = 60;

/**
 * The file behind an open notebook: reading it beside Lab, and telling Lab that what it says has been taken over.
 *
 * Lab offers no public way to do the latter, so each private call of its `Context` is in here.
 */
export class OpenFile {
  constructor(
    private readonly _context: DocumentRegistry.IContext<INotebookModel>,
    private readonly _contents: Contents.IManager
  ) {
    this._inside = _context as unknown as IContextInside;
  }

  /**
   * The file as Lab last loaded or saved it.
   */
  get known(): Omit<Contents.IModel, 'content'> | null {
    return this._context.contentsModel;
  }

  /**
   * When the file was last written, as the server says it.
   */
  async lastModified(): Promise<string> {
    const found = await this._contents.get(this._context.path, {
      content: false
    });
    return found.last_modified;
  }

  /**
   * The whole file, with its hash.
   */
  async read(): Promise<Contents.IModel> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this._contents.get(this._context.path, {
          type: 'notebook',
          format: 'json',
          content: true,
          hash: true
        });
      } catch (error) {
        if (attempt === READS || !isHalfWritten(error)) {
          throw error;
        }
        await new Promise(resolve => setTimeout(resolve, READ_AGAIN_MS));
      }
    }
  }

  /**
   * The open notebook contains this version of the file. Nobody is told that it was loaded or saved: Lab would put its
   * next automatic save off each time.
   */
  accept(file: Contents.IModel): void {
    this._inside._contentsModel = { ...file, content: null };
  }

  /**
   * Settle what Lab would ask the person about when a save finds a newer file.
   *
   * @param settle - Takes the newer file over; false where that cannot be done, and the person is asked after all.
   * @param givenUp - The person has cancelled the save.
   */
  settleConflicts(
    settle: () => Promise<boolean>,
    givenUp: () => void
  ): IDisposable {
    const inside = this._inside;
    const ask = inside._raiseConflict;
    let attempts = 0;
    inside._raiseConflict = async (file, options) => {
      attempts++;
      try {
        if (attempts <= ATTEMPTS && (await settle())) {
          return await inside._maybeSave(inside._createSaveOptions());
        }
        return await ask.call(inside, file, options);
      } catch (error) {
        givenUp();
        throw error;
      } finally {
        attempts--;
      }
    };
    return new DisposableDelegate(() => {
      // What is left is the method of the class.
      Reflect.deleteProperty(inside, '_raiseConflict');
    });
  }

  private readonly _inside: IContextInside;
}

/**
 * The server writes into the file itself: who reads at that moment finds no notebook there.
 */
function isHalfWritten(error: unknown): boolean {
  return (
    error instanceof ServerConnection.ResponseError &&
    error.response.status === 400
  );
}
