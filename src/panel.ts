import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';

import { CommandIDs } from './command-ids';
import { compareWidget } from './compare';
import type { IServices } from './components/context';
import { helpWidget } from './help';
import { OpenNotebook, RunNotebooks } from './open-notebook';
import { openNotebookWith } from './own-notebook';
import { Places } from './places';
import { restoreState } from './restore-state';
import { DOMAIN } from './service';
import { Sidebar } from './sidebar';
import { Tour } from './tour';
import type { IRunModel } from './tokens';
import { ICellNavigator, IInvestigations, IPreferences } from './tokens';

/**
 * The sidebar, for the plugins of this extension that lead to it.
 */
export interface ISidebar {
  readonly places: Places;
  readonly id: string;
  /**
   * Whether a person sees this run in it.
   */
  isShown(runId: string): boolean;
  /**
   * Show it, with the focus on what the selector finds in it, or on its tab.
   */
  activate(selector?: string | null): void;
  openNotebook(run: IRunModel): Promise<void>;
  openHelp(): void;
  takeTour(): void;
}

export const ISidebar = new Token<ISidebar>('interp-bench-ext:ISidebar');

/**
 * Class of the sidebar's tab while an approval waits.
 */
const WAITING_CLASS = 'ib-mod-waiting';
const RANK = 450;

export const sidebarPlugin: JupyterFrontEndPlugin<ISidebar> = {
  id: 'interp-bench-ext:sidebar',
  description: 'The sidebar of Interp Bench.',
  autoStart: true,
  provides: ISidebar,
  requires: [IInvestigations, IPreferences],
  optional: [
    ICellNavigator,
    IDocumentManager,
    IEditorServices,
    ILabShell,
    ILayoutRestorer,
    INotebookTracker,
    IStateDB,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    investigations: IInvestigations,
    preferences: IPreferences,
    navigator: ICellNavigator | null,
    documents: IDocumentManager | null,
    editors: IEditorServices | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    tracker: INotebookTracker | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): ISidebar => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { commands, serviceManager, shell } = app;
    const places = new Places(investigations);
    const notebooks = new RunNotebooks(
      documents,
      shell,
      serviceManager.contents,
      run => navigator?.holder(run) ?? null,
      () => investigations.refresh(),
      trans
    );
    const open = (run: IRunModel, keepFocus = false): Promise<void> =>
      notebooks.open(run, keepFocus);
    const add = (widget: MainAreaWidget): void => {
      shell.add(widget, 'main');
      if (!widget.isAttached) {
        // Notebook 7 shows one document, and nothing beside it there.
        shell.add(widget, 'right');
      }
      shell.activateById(widget.id);
    };
    let help: MainAreaWidget | null = null;
    const services: IServices = {
      trans,
      investigations,
      preferences,
      navigator,
      editors,
      notebook: new OpenNotebook(tracker),
      openNotebook: open,
      notebookExists: run => notebooks.exists(run),
      openNotebookWith: documents
        ? config => openNotebookWith(config, serviceManager.contents, documents)
        : null,
      openHelp: () => void commands.execute(CommandIDs.help),
      openSettings: () => {
        if (commands.hasCommand('settingeditor:open')) {
          void commands.execute('settingeditor:open', {
            query: 'Interp Bench'
          });
        }
      },
      compare: runIds => {
        const widget = compareWidget(runIds, investigations, trans, run => {
          places.show(run);
          shell.activateById(sidebar.id);
        });
        add(widget);
      }
    };
    const tour = new Tour(places);
    const sidebar = new Sidebar(services, places, tour);
    shell.add(sidebar, 'left', { rank: RANK, type: 'Interp Bench' });
    restorer?.add(sidebar, sidebar.id);
    if (state) {
      restoreState(state, places, investigations);
    }
    investigations.listsChanged.connect(() => {
      const waits = investigations.runs.some(run => run.waiting === 'approval');
      sidebar.title.className = waits ? WAITING_CLASS : '';
    });
    const activate = (selector: string | null = null): void => {
      sidebar.focusNext = selector;
      labShell?.expandLeft();
      shell.activateById(sidebar.id);
    };
    const takeTour = (): void => {
      tour.start();
      activate('.ib-tour jp-button');
    };
    return {
      places,
      id: sidebar.id,
      isShown: runId =>
        sidebar.isVisible &&
        !document.hidden &&
        places.where.place === 'investigation' &&
        investigations.current?.id === runId,
      activate,
      openNotebook: open,
      openHelp: () => {
        if (!help || help.isDisposed) {
          help = helpWidget({ commands, trans, onTour: takeTour });
        }
        add(help);
      },
      takeTour
    };
  }
};
