import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { linkTokens } from './linked';
import { chartRendererFactory } from './renderer';

const charts: JupyterFrontEndPlugin<void> = {
  id: 'interp-bench-ext:charts',
  description:
    "Draws the charts of the project's results, and marks a token in all of them.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  activate: (_: JupyterFrontEnd, rendermime: IRenderMimeRegistry) => {
    rendermime.addFactory(chartRendererFactory);
    linkTokens(document);
  }
};

export default charts;
