import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';

import { IPanelRuns } from '../notebook/panels';
import { DOMAIN } from '../service';
import { guardVega } from './documents';
import { NotebookVeil } from './notebooks';

type NotebookContext = DocumentRegistry.IContext<INotebookModel>;

const veil: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:veil',
  description:
    "Draws what comes from a run's kernel harmlessly, whoever has asked the kernel.",
  autoStart: true,
  requires: [IPanelRuns, IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    panelRuns: IPanelRuns,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const veils = new WeakMap<NotebookContext, NotebookVeil>();
    // Each cell that is not trusted says so.
    const refused = new Debouncer(() => {
      Notification.info(
        trans.__(
          "A run's kernel has written in this notebook, so that it is not trusted. Copy your own cells to another notebook to have them trusted there."
        ),
        { autoClose: 8000 }
      );
    });
    const veilOf = (context: NotebookContext): NotebookVeil => {
      const known = veils.get(context);
      if (known) {
        return known;
      }
      const made = new NotebookVeil(context, () => {
        void refused.invoke();
      });
      context.disposed.connect(() => made.dispose());
      veils.set(context, made);
      return made;
    };
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (panel: NotebookPanel, context: NotebookContext) => {
        veilOf(context).cover(panel);
      }
    });
    panelRuns.each(panelRun => {
      const look = (): void => {
        if (panelRun.run) {
          veilOf(panelRun.panel.context).fall();
        }
      };
      panelRun.runChanged.connect(look);
      look();
    });
    void app.started.then(() => guardVega(rendermime, trans));
  }
};

export default veil;
