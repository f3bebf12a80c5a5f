import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import {
  commandsPlugin,
  launcherPlugin,
  noticesPlugin,
  statusPlugin
} from './plugins';
import charts from './chart';
import notebookPlugins from './notebook';
import { sidebarPlugin } from './panel';
import { investigationsPlugin, preferencesPlugin } from './service';
import veil from './veil';

export { ICellNavigator, IInvestigations, IPreferences } from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  investigationsPlugin,
  preferencesPlugin,
  sidebarPlugin,
  commandsPlugin,
  launcherPlugin,
  statusPlugin,
  noticesPlugin,
  charts,
  veil,
  ...notebookPlugins
] as JupyterFrontEndPlugin<unknown>[];

export default plugins;
