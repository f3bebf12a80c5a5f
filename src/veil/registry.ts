import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  errorRendererFactory,
  htmlRendererFactory,
  imageRendererFactory,
  latexRendererFactory,
  markdownRendererFactory,
  MimeModel,
  RenderMimeRegistry,
  textRendererFactory
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

import { chartRendererFactory } from '../chart/renderer';
import { StrictSanitizer } from './sanitizer';

/**
 * All that is drawn of what a run's kernel emits. Renderers that other extensions have added are not among them: some
 * fetch what the output names with the person's cookies, and some run what it says.
 */
const HARMLESS: readonly IRenderMime.IRendererFactory[] = [
  htmlRendererFactory,
  markdownRendererFactory,
  latexRendererFactory,
  imageRendererFactory,
  errorRendererFactory,
  textRendererFactory,
  chartRendererFactory
];

const SANITIZER = new StrictSanitizer();

/**
 * The beginning of a fenced block that Lab draws as a diagram.
 */
const DIAGRAM = /(`{3,}|~{3,})([^\S\n]*)mermaid/gi;

const guarded = new WeakSet<IRenderMimeRegistry>();

/**
 * Let a registry draw outputs as a run's, harmlessly and untrusted, whenever `isVeiled` says so.
 *
 * Lab's cells, tooltips and log keep the registry of their notebook for good, so it is changed in place.
 */
export function guard(
  registry: IRenderMimeRegistry,
  isVeiled: () => boolean
): void {
  if (guarded.has(registry)) {
    return;
  }
  guarded.add(registry);
  const open = {
    clone: registry.clone.bind(registry),
    createRenderer: registry.createRenderer.bind(registry),
    preferredMimeType: registry.preferredMimeType.bind(registry)
  };
  let harmless: IRenderMimeRegistry | undefined;
  const veiled = (): IRenderMimeRegistry | null =>
    isVeiled() ? (harmless ??= harmlessBeside(registry)) : null;
  registry.preferredMimeType = (bundle, safe) => {
    const strict = veiled();
    return strict
      ? strict.preferredMimeType(bundle, 'ensure')
      : open.preferredMimeType(bundle, safe);
  };
  registry.createRenderer = mimeType => {
    const strict = veiled();
    return strict
      ? distrusting(strict.createRenderer(mimeType))
      : open.createRenderer(mimeType);
  };
  const { sanitizer } = registry;
  Object.defineProperty(registry, 'sanitizer', {
    get: () => (isVeiled() ? SANITIZER : sanitizer)
  });
  registry.clone = options => {
    const clone = open.clone(options);
    guard(clone, isVeiled);
    return clone;
  };
}

function harmlessBeside(registry: IRenderMimeRegistry): IRenderMimeRegistry {
  const { latexTypesetter, linkHandler, markdownParser, resolver, translator } =
    registry as RenderMimeRegistry;
  return new RenderMimeRegistry({
    initialFactories: HARMLESS,
    sanitizer: SANITIZER,
    latexTypesetter: latexTypesetter ?? undefined,
    linkHandler: linkHandler ?? undefined,
    markdownParser: markdownParser
      ? withoutDiagrams(markdownParser)
      : undefined,
    resolver: resolver ?? undefined,
    translator
  });
}

/**
 * A renderer that draws every model as one that nobody trusts, and that has no way back into the document.
 */
function distrusting(renderer: IRenderMime.IRenderer): IRenderMime.IRenderer {
  const draw = renderer.renderModel.bind(renderer);
  renderer.renderModel = ({ data, metadata }) =>
    draw(new MimeModel({ data, metadata, trusted: false }));
  return renderer;
}

/**
 * Mermaid draws before anything is sanitised, and fetches the pictures that a diagram names.
 */
function withoutDiagrams(
  parser: IRenderMime.IMarkdownParser
): IRenderMime.IMarkdownParser {
  return {
    ...parser,
    render: source => parser.render(source.replace(DIAGRAM, '$1$2text'))
  };
}
