import type { SessionContext } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Session } from '@jupyterlab/services';
import type { PromiseDelegate } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';

import type { EventEntry } from '../generated/api';
import type { IRunModel } from '../tokens';

/**
 * Makes an open notebook use the kernel of the run that is at work in it. The server has put that kernel into the
 * notebook's session, or into a new session for its path; nothing is started, asked for or shut down here.
 *
 * Changing the kernel through the session would do harm: the server then shuts down the one that the session had.
 */
export class RunKernel implements IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _run: IRunModel,
    private readonly _sessions: Session.IManager
  ) {
    this._context = _panel.context.sessionContext as SessionContext;
    const { kernelPreference } = this._context;
    this._shutdownOnDispose = kernelPreference.shutdownOnDispose;
    // The agent goes on when the person closes the notebook.
    this._context.kernelPreference = {
      ...kernelPreference,
      shutdownOnDispose: false
    };
    _run.eventReceived.connect(this._onEvent, this);
    _sessions.runningChanged.connect(this._onRunning, this);
    void this._refresh();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._run.eventReceived.disconnect(this._onEvent, this);
    this._sessions.runningChanged.disconnect(this._onRunning, this);
    if (!this._context.isDisposed) {
      this._context.kernelPreference = {
        ...this._context.kernelPreference,
        shutdownOnDispose: this._shutdownOnDispose
      };
    }
  }

  private _onEvent(_: IRunModel, { event }: EventEntry): void {
    if (event.type === 'kernel_started') {
      void this._refresh();
    }
  }

  private _onRunning(): void {
    void this._adopt();
  }

  /**
   * A session that is connected takes a new kernel over as soon as the list of sessions says so.
   */
  private async _refresh(): Promise<void> {
    try {
      await this._sessions.refreshRunning();
      if (!this._listed()) {
        // Whoever asks for the list while it is on its way gets that one, and it may be older than the kernel.
        await this._sessions.refreshRunning();
      }
    } catch {
      // The server is away; its list of sessions is polled.
    }
    await this._adopt();
  }

  /**
   * The session that has the run's kernel.
   */
  private _listed(): Session.IModel | undefined {
    const { kernel, kernelId } = this._run.state;
    return kernel === 'alive' && kernelId !== null
      ? [...this._sessions.running()].find(each => each.kernel?.id === kernelId)
      : undefined;
  }

  private async _adopt(): Promise<void> {
    await this._panel.context.ready;
    await settled(this._context);
    if (this._isDisposed || this._context.isDisposed) {
      return;
    }
    const listed = this._listed();
    const own = this._context.session?.kernel?.id;
    // Lab may have started a session of its own for the notebook while the server made one for the run.
    if (listed && listed.kernel?.id !== own) {
      connect(this._context, listed);
    }
  }

  private readonly _context: SessionContext;
  private _isDisposed = false;
  private readonly _shutdownOnDispose: boolean | undefined;
}

/**
 * The private half of Lab's `SessionContext` that is used here.
 */
interface ISessionContextInside {
  _initPromise: PromiseDelegate<boolean>;
  _handleNewSession(session: Session.ISessionConnection): void;
}

function inside(context: SessionContext): ISessionContextInside {
  return context as unknown as ISessionContextInside;
}

/**
 * Resolves once Lab is done with the session that it looks for or starts when a notebook is opened: at the end of that
 * it shuts down whatever session it finds in its place.
 */
async function settled(context: SessionContext): Promise<void> {
  await inside(context)._initPromise.promise;
}

/**
 * Use a session of the server's as it is. The public way, `changeKernel`, makes a second session for the kernel.
 */
function connect(context: SessionContext, model: Session.IModel): void {
  const session = context.sessionManager.connectTo({ model });
  inside(context)._handleNewSession(session);
}
