import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { chartRendererFactory } from './renderer';

const charts: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:charts',
  description: "Draws the charts of the project's results.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  activate: (_: JupyterFrontEnd, rendermime: IRenderMimeRegistry) => {
    rendermime.addFactory(chartRendererFactory);
  }
};

export default charts;
