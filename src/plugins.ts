import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { CommandIDs } from './command-ids';
import { addCommands } from './commands';
import { Notices } from './notices';
import { ISidebar } from './panel';
import { DOMAIN } from './service';
import { StatusItem } from './status';
import { ICellNavigator, IInvestigations, IPreferences } from './tokens';

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:commands',
  description: 'The commands of Interp Bench.',
  autoStart: true,
  requires: [ISidebar, IInvestigations],
  optional: [ICellNavigator, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sidebar: ISidebar,
    investigations: IInvestigations,
    navigator: ICellNavigator | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    addCommands(
      { commands: app.commands, investigations, navigator, sidebar, trans },
      palette
    );
  }
};

export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:launcher',
  description: 'A card of Interp Bench in the launcher.',
  autoStart: true,
  // Notebook 7 has neither launcher nor status bar.
  optional: [ILauncher, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    launcher?.add({
      command: CommandIDs.start,
      args: { isLauncher: true },
      category: trans.__('Interp Bench')
    });
  }
};

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:status',
  description: 'The current investigation in the status bar.',
  autoStart: true,
  requires: [ISidebar, IInvestigations],
  optional: [IStatusBar, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    sidebar: ISidebar,
    investigations: IInvestigations,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const item = new StatusItem(investigations, trans, () => {
      sidebar.places.go('investigation');
      sidebar.activate();
    });
    const shownChanged = new Signal<IInvestigations, void>(investigations);
    investigations.currentChanged.connect(() => shownChanged.emit());
    statusBar?.registerStatusItem('interp-bench-ext:run', {
      item,
      align: 'left',
      rank: 20,
      isActive: () => investigations.current !== null,
      activeStateChanged: shownChanged
    });
  }
};

export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:notices',
  description: 'Says when a run ends, and when it waits for an approval.',
  autoStart: true,
  requires: [ISidebar, IInvestigations, IPreferences],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    sidebar: ISidebar,
    investigations: IInvestigations,
    preferences: IPreferences,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    new Notices({
      investigations,
      preferences,
      trans,
      isShown: runId => sidebar.isShown(runId),
      show: runId => {
        sidebar.places.show(runId);
        sidebar.activate();
      }
    });
  }
};
