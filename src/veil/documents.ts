import type {
  IRenderMimeRegistry,
  RenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { inWorkFolder } from './places';

const VEGA = /^application\/vnd\.vega(lite)?\.v\d+\+json$/;

/**
 * Have Lab draw no chart file of a work folder: its charts fetch what they name with the person's cookies, and a
 * kernel may have written the file.
 */
export function guardVega(
  registry: IRenderMimeRegistry,
  trans: TranslationBundle
): void {
  const ofVega = registry.mimeTypes.filter(name => VEGA.test(name));
  const factories = new Set(ofVega.map(name => registry.getFactory(name)!));
  for (const factory of factories) {
    const draw = factory.createRenderer.bind(factory);
    // In its place: Lab's documents hold the factory itself, and never ask the registry for another one.
    factory.createRenderer = options =>
      inWorkFolder(pathOf(options.resolver))
        ? new NotDrawn(trans)
        : draw(options);
  }
}

/**
 * Contents path of the document that an output or file is in.
 */
function pathOf(resolver: IRenderMime.IResolver | null): string {
  return (resolver as RenderMimeRegistry.UrlResolver | null)?.path ?? '';
}

class NotDrawn extends Widget implements IRenderMime.IRenderer {
  constructor(trans: TranslationBundle) {
    super();
    this.addClass('ib-NotDrawn');
    this.node.textContent = trans.__(
      "Charts of a work folder are not drawn: the run's kernel writes there, and a chart can fetch files with your rights. Open it with the editor instead."
    );
  }

  async renderModel(): Promise<void> {
    // There is nothing to draw.
  }
}
