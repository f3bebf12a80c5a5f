import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import type { IDrawn } from './draw';

/**
 * Type of the project's charts in an output; what it holds is in chart-schema.json.
 */
export const CHART = 'application/vnd.interp-bench.chart+json';

/**
 * A chart of the project in an output. What draws it comes when the first one is shown.
 */
class RenderedChart extends Widget implements IRenderMime.IRenderer {
  constructor() {
    super();
    this.addClass('ib-Chart');
  }

  async renderModel({ data }: IRenderMime.IMimeModel): Promise<void> {
    const drawing = ++this._drawings;
    const { draw, isChart } = await import(
      /* webpackChunkName: "chart" */ './draw'
    );
    const chart = data[CHART];
    const host = document.createElement('div');
    const drawn = isChart(chart)
      ? await draw(chart, host).catch(() => null)
      : null;
    if (this.isDisposed || drawing !== this._drawings) {
      drawn?.finalize();
      return;
    }
    this._drawn?.finalize();
    this._drawn = drawn;
    this.node.replaceChildren(drawn ? host : instead(data));
  }

  override dispose(): void {
    this._drawn?.finalize();
    this._drawn = null;
    super.dispose();
  }

  private _drawings = 0;
  private _drawn: IDrawn | null = null;
}

/**
 * Its picture, else what it says in words.
 */
function instead(data: IRenderMime.IMimeModel['data']): HTMLElement {
  const text = String(data['text/plain'] ?? '');
  const png = data['image/png'];
  if (typeof png === 'string') {
    const picture = document.createElement('img');
    picture.src = `data:image/png;base64,${png}`;
    picture.alt = text;
    return picture;
  }
  const words = document.createElement('pre');
  words.textContent = text;
  return words;
}

export const chartRendererFactory: IRenderMime.IRendererFactory = {
  safe: true,
  mimeTypes: [CHART],
  // Before a picture, after HTML, where JupyterLab has charts.
  defaultRank: 57,
  createRenderer: () => new RenderedChart()
};
