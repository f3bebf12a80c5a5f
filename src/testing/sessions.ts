import type { Kernel, Session } from '@jupyterlab/services';
import {
  KernelManager,
  ServerConnection,
  SessionManager
} from '@jupyterlab/services';

/**
 * A socket to a kernel that says nothing.
 */
class SilentSocket {
  readonly readyState = 0;
  close(): void {
    // Nobody is there.
  }
  send(): void {
    // Nobody is there.
  }
}

/**
 * A server's sessions and kernels, which a test changes as the server would.
 */
export class SessionServer {
  constructor() {
    const serverSettings = ServerConnection.makeSettings({
      WebSocket: SilentSocket as unknown as typeof WebSocket
    });
    const unused = (): Promise<never> =>
      Promise.reject(new Error('Not part of this server.'));
    this.kernelManager = new KernelManager({
      serverSettings,
      kernelSpecAPIClient: {
        serverSettings,
        get: () => Promise.resolve({ default: 'python3', kernelspecs: {} })
      },
      kernelAPIClient: {
        serverSettings,
        listRunning: () => Promise.resolve([...this.kernels]),
        getModel: id => Promise.resolve(this.kernels.find(k => k.id === id)),
        startNew: unused,
        restart: unused,
        interrupt: unused,
        shutdown: id => this._shutDown(id)
      }
    });
    this.manager = new SessionManager({
      serverSettings,
      kernelManager: this.kernelManager,
      sessionAPIClient: {
        serverSettings,
        listRunning: async () => {
          const sessions = structuredClone(this.sessions);
          this.asked += 1;
          await this.held;
          return sessions;
        },
        getModel: unused,
        startNew: unused,
        shutdown: unused,
        update: unused
      }
    });
  }

  readonly kernelManager: KernelManager;
  readonly manager: SessionManager;
  kernels: Kernel.IModel[] = [];
  sessions: Session.IModel[] = [];
  /**
   * What the list of sessions that a browser asks for waits for on its way.
   */
  held: Promise<void> = Promise.resolve();
  /**
   * How often a browser has asked for the list.
   */
  asked = 0;
  /**
   * Ids of kernels that a browser wanted ended.
   */
  readonly ended: string[] = [];

  /**
   * Start a kernel and put it into a session, a new one or one that is there.
   */
  attach(kernelId: string, sessionId: string, path: string): void {
    const kernel = { id: kernelId, name: 'python3' };
    this.kernels = [...this.kernels, kernel];
    const session = { id: sessionId, path, name: path, type: 'notebook' };
    this.sessions = [
      ...this.sessions.filter(({ id }) => id !== sessionId),
      { ...session, kernel }
    ];
  }

  private _shutDown(id: string): Promise<void> {
    this.ended.push(id);
    return Promise.resolve();
  }
}
