import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DisposableDelegate } from '@lumino/disposable';

import { DOMAIN } from '../service';
import { ICellNavigator, IInvestigations, IPreferences } from '../tokens';
import { FileSync } from './filesync';
import { Follows } from './follows';
import { RunKernel } from './kernel';
import { CellMarks } from './marks';
import { CellNavigator } from './navigator';
import { LoadingNotice } from './loading';
import { PendingCell } from './pending';
import { FileNotice } from './notice';
import { IPanelRuns, PanelRuns } from './panels';
import { RunStrip } from './strip';
import { addFollowCommand, InvestigateButton } from './toolbar';

const FACTORY = 'Notebook';

const panels: JupyterFrontEndPlugin<IPanelRuns> = {
  id: 'interp-bench-ext:notebook-panels',
  description: 'Knows which run is at work in which open notebook.',
  autoStart: true,
  provides: IPanelRuns,
  requires: [INotebookTracker, IInvestigations],
  activate: (
    _: JupyterFrontEnd,
    tracker: INotebookTracker,
    investigations: IInvestigations
  ) => new PanelRuns(tracker, investigations)
};

const marks: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:cell-marks',
  description: 'Marks the cells that a run has written.',
  autoStart: true,
  requires: [IPanelRuns],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    panelRuns.each(panelRun => {
      new CellMarks(panelRun, trans);
    });
  }
};

const pending: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:pending-cell',
  description: 'Shows the cell that waits for approval where it would stand.',
  autoStart: true,
  requires: [IPanelRuns, IInvestigations],
  optional: [IEditorServices, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    investigations: IInvestigations,
    editors: IEditorServices | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    panelRuns.whileRunning(
      (run, { panel }) =>
        new PendingCell(panel.content, run, { editors, investigations, trans })
    );
  }
};

const navigator: JupyterFrontEndPlugin<ICellNavigator> = {
  id: 'interp-bench-ext:cell-navigator',
  description: "Takes a person to the cells of a run's notebook.",
  autoStart: true,
  provides: ICellNavigator,
  requires: [IPanelRuns, IDocumentManager, IInvestigations],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    documents: IDocumentManager,
    investigations: IInvestigations,
    translator: ITranslator | null
  ) =>
    new CellNavigator(
      app.shell,
      documents,
      app.serviceManager.contents,
      panelRuns,
      () => investigations.refresh(),
      (translator ?? nullTranslator).load(DOMAIN)
    )
};

const kernel: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:run-kernel',
  description: "Makes a notebook under investigation use the run's kernel.",
  autoStart: true,
  requires: [IPanelRuns],
  activate: (app: JupyterFrontEnd, panelRuns: IPanelRuns) => {
    const { sessions } = app.serviceManager;
    panelRuns.whileRunning(
      (run, { panel }) => new RunKernel(panel, run, sessions)
    );
  }
};

const file: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:notebook-file',
  description:
    'Without collaboration, shows in an open notebook what the agent writes into its file.',
  autoStart: true,
  requires: [IPanelRuns],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { contents } = app.serviceManager;
    const syncs = new WeakMap<NotebookPanel['context'], FileSync>();
    const noted = new WeakSet<NotebookPanel>();
    const syncOf = ({ context }: NotebookPanel): FileSync => {
      const views = (): Notebook[] =>
        [...panelRuns]
          .filter(({ panel }) => panel.context === context)
          .map(({ panel }) => panel.content);
      const sync = syncs.get(context) ?? new FileSync(context, contents, views);
      syncs.set(context, sync);
      return sync;
    };
    panelRuns.whileRunning((run, { panel }) => {
      if (panel.context.model.collaborative) {
        return new DisposableDelegate(() => undefined);
      }
      const sync = syncOf(panel);
      if (!noted.has(panel)) {
        noted.add(panel);
        panel.contentHeader.addWidget(new FileNotice(sync, trans));
      }
      return sync.follow(run);
    });
  }
};

const toolbar: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:notebook',
  description: 'The agent in the toolbar of notebooks.',
  autoStart: true,
  requires: [
    IPanelRuns,
    IInvestigations,
    ICellNavigator,
    INotebookTracker,
    IPreferences
  ],
  optional: [IToolbarWidgetRegistry, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    investigations: IInvestigations,
    navigator: ICellNavigator,
    tracker: INotebookTracker,
    preferences: IPreferences,
    registry: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const follows = new Follows(panelRuns, preferences);
    panelRuns.each(panelRun => {
      panelRun.panel.contentHeader.addWidget(
        new LoadingNotice(panelRun, trans)
      );
    });
    const services = { follows, investigations, navigator, trans };
    registry?.addFactory<NotebookPanel>(
      FACTORY,
      'interp-bench-run',
      panel => new RunStrip(panelRuns.of(panel), services)
    );
    registry?.addFactory<NotebookPanel>(
      FACTORY,
      'interp-bench-investigate',
      panel => new InvestigateButton(panelRuns.of(panel), app.commands, trans)
    );
    const { commands } = app;
    addFollowCommand({ commands, follows, palette, panelRuns, tracker, trans });
  }
};

export default [panels, marks, pending, navigator, kernel, file, toolbar];
