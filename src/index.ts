import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import {
  commandsPlugin,
  launcherPlugin,
  noticesPlugin,
  statusPlugin
} from './plugins';
import notebookPlugins from './notebook';
import { sidebarPlugin } from './panel';
import { investigationsPlugin, preferencesPlugin } from './service';

export { ICellNavigator, IInvestigations, IPreferences } from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  investigationsPlugin,
  preferencesPlugin,
  sidebarPlugin,
  commandsPlugin,
  launcherPlugin,
  statusPlugin,
  noticesPlugin,
  ...notebookPlugins
] as JupyterFrontEndPlugin<unknown>[];

export default plugins;
