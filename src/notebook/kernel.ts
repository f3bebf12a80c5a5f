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
    this._refresh();
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
      this._refresh();
    }
  }

  private _onRunning(): void {
    void this._adopt();
  }

  /**
   * A session that is connected takes a new kernel over as soon as the list of sessions says so.
   */
  private _refresh(): void {
    void this._sessions.refreshRunning().then(
      () => this._adopt(),
      () => {
        // The server is away; its list of sessions is polled.
      }
    );
  }

  private async _adopt(): Promise<void> {
    await this._panel.context.ready;
    await settled(this._context);
    const { state } = this._run;
    if (
      this._isDisposed ||
      this._context.isDisposed ||
      state.kernel === 'absent'
    ) {
      return;
    }
    const { localPath } = this._panel.context;
    const here = [...this._sessions.running()].filter(
      session => session.path === localPath && session.kernel !== null
    );
    const own = here.find(session => session.id === this._context.session?.id);
    // Lab has started a session of its own for the notebook while the server made one for the run.
    const other = here.filter(session => session !== own).at(-1);
    if (other && (!own || own.id !== this._adopted)) {
      connect(this._context, other);
    }
    this._adopted = this._context.session?.id ?? null;
  }

  /**
   * Id of the session that was found to be the run's.
   */
  private _adopted: string | null = null;
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
