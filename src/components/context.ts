import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { RunFigures } from '../generated/api';
import { ApiError } from '../request';
import type { RunState } from '../state';
import type {
  ICellNavigator,
  IInvestigations,
  IPreferences,
  IRunModel
} from '../tokens';

/**
 * The notebook that a run could be started in.
 */
export interface IOpenNotebook {
  /**
   * Contents path of the notebook that is in front; null when there is none.
   */
  readonly path: string | null;
  readonly changed: ISignal<IOpenNotebook, void>;
  /**
   * Save it, so that the run begins with what is on the screen.
   */
  save(): Promise<void>;
}

/**
 * What components are given that a notebook shows too.
 */
export interface ICellServices {
  readonly trans: TranslationBundle;
  readonly investigations: IInvestigations;
  readonly editors: IEditorServices | null;
}

/**
 * What the sidebar's components are given.
 */
export interface IServices extends ICellServices {
  readonly notebook: IOpenNotebook;
  readonly preferences: IPreferences;
  readonly navigator: ICellNavigator | null;
  openHelp: () => void;
  openSettings: (() => void) | null;
  openNotebook(run: IRunModel, keepFocus?: boolean): Promise<void>;
  /**
   * Whether the run's notebook is where it was.
   */
  notebookExists(run: IRunModel): Promise<boolean>;
  /**
   * Open a new notebook of the person's own that uses the organism of this config.
   */
  openNotebookWith: ((config: string) => Promise<void>) | null;
  compare(runIds: readonly string[]): void;
}

const CellServices = React.createContext<ICellServices | null>(null);
const Services = React.createContext<IServices | null>(null);

export const CellServicesProvider = CellServices.Provider;

export function ServicesProvider(props: {
  value: IServices;
  children: React.ReactNode;
}): JSX.Element {
  const { value, children } = props;
  return React.createElement(
    Services.Provider,
    { value },
    React.createElement(CellServices.Provider, { value }, children)
  );
}

/**
 * For what is shown in the sidebar and in notebooks.
 */
export function useCellServices(): ICellServices {
  const services = React.useContext(CellServices);
  if (!services) {
    throw new Error('There is no CellServicesProvider above this component.');
  }
  return services;
}

export function useServices(): IServices {
  const services = React.useContext(Services);
  if (!services) {
    throw new Error('There is no ServicesProvider above this component.');
  }
  return services;
}

/**
 * Whether the run's notebook is where it was; false until that is known.
 */
export function useNotebookExists(run: IRunModel): boolean {
  const { notebookExists } = useServices();
  const [exists, setExists] = React.useState(false);
  const path = useSignal(run.changed, () => run.summary.notebook);
  React.useEffect(() => {
    let asked = true;
    void notebookExists(run).then(found => asked && setExists(found));
    return () => {
      asked = false;
    };
  }, [notebookExists, run, path]);
  return exists;
}

interface IEmitter {
  connect(slot: () => void): boolean;
  disconnect(slot: () => void): boolean;
}

/**
 * A value that is read again whenever the signal is emitted; it must keep its identity while it is the same.
 */
export function useSignal<T>(signal: IEmitter, read: () => T): T {
  const subscribe = React.useCallback(
    (notify: () => void) => {
      signal.connect(notify);
      return () => {
        signal.disconnect(notify);
      };
    },
    [signal]
  );
  return React.useSyncExternalStore(subscribe, read);
}

/**
 * Part of a run's state; the component renders again only when that part is another one.
 */
export function useRun<T>(run: IRunModel, select: (state: RunState) => T): T {
  return useSignal(run.changed, () => select(run.state));
}

/**
 * What a run has used up, again whenever the server says it.
 */
export function useFigures(run: IRunModel): RunFigures {
  return useSignal(run.changed, () => run.figures);
}

/**
 * The time in seconds, every second while `ticking`.
 */
export function useNow(ticking: boolean): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    if (!ticking) {
      return;
    }
    const tick = (): void => setNow(Date.now() / 1000);
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

interface IAction {
  readonly busy: boolean;
  /**
   * What went wrong, in one sentence; empty when nothing did.
   */
  readonly error: string;
  /**
   * The error's code; empty where there is none.
   */
  readonly code: string;
  /**
   * Run a command; one at a time. Resolves to whether it was carried out.
   */
  run(command: () => Promise<unknown>): Promise<boolean>;
}

/**
 * A command with its state, so that a button can say that it works and why it did not.
 */
export function useAction(): IAction {
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState('');
  const [code, setCode] = React.useState('');
  const running = React.useRef(false);
  const run = React.useCallback(async (command: () => Promise<unknown>) => {
    if (running.current) {
      return false;
    }
    running.current = true;
    setBusy(true);
    setError('');
    setCode('');
    try {
      await command();
      return true;
    } catch (reason) {
      setError(sentence(reason));
      setCode(reason instanceof ApiError ? reason.code : '');
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  return { busy, error, code, run };
}

/**
 * An error as a person reads it.
 */
export function sentence(reason: unknown): string {
  return reason instanceof ApiError || reason instanceof Error
    ? reason.message
    : String(reason);
}
