// @vitest-environment jsdom
import '../testing/browser';

import {
  MimeModel,
  RenderMimeRegistry,
  standardRendererFactories
} from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { beforeEach, describe, expect, it } from 'vitest';

import { guard } from './registry';

const VEGA = 'application/vnd.vegalite.v5+json';

describe('a guarded registry', () => {
  let registry: RenderMimeRegistry;
  let veiled: boolean;

  beforeEach(() => {
    registry = new RenderMimeRegistry({
      initialFactories: standardRendererFactories
    });
    registry.addFactory({
      safe: true,
      mimeTypes: [VEGA],
      createRenderer: () =>
        Object.assign(new Widget(), { renderModel: () => Promise.resolve() })
    });
    veiled = true;
    guard(registry, () => veiled);
  });

  async function drawn(html: string): Promise<HTMLElement> {
    const renderer = registry.createRenderer('text/html');
    await renderer.renderModel(
      new MimeModel({ data: { 'text/html': html }, trusted: true })
    );
    return renderer.node;
  }

  it('draws what is trusted as if it was not', async () => {
    const html = '<p>words</p><script>globalThis.ran = true;</script>';
    const node = await drawn(html);
    expect(node.textContent).toBe('words');
    expect(node.querySelector('script')).toBeNull();
    veiled = false;
    expect((await drawn(html)).querySelector('script')).not.toBeNull();
  });

  it('has no renderers but those that are known to be harmless', () => {
    for (const type of [VEGA, 'application/javascript', 'image/svg+xml']) {
      const data = { [type]: {}, 'text/plain': 'words' };
      expect(registry.preferredMimeType(data, 'any')).toBe('text/plain');
      expect(registry.preferredMimeType({ [type]: {} }, 'any')).toBe(undefined);
      expect(() => registry.createRenderer(type)).toThrow();
    }
    veiled = false;
    const data = { [VEGA]: {}, 'text/plain': 'words' };
    expect(registry.preferredMimeType(data, 'any')).toBe(VEGA);
  });

  it('gives its sanitizer and its guard to what is made of it', () => {
    const remote = '<img src="http://elsewhere/a">';
    const clone = registry.clone();
    for (const { sanitizer } of [registry, clone]) {
      expect(sanitizer.sanitize(remote)).not.toContain('elsewhere');
    }
    expect(clone.preferredMimeType({ [VEGA]: {} }, 'any')).toBe(undefined);
    veiled = false;
    expect(clone.preferredMimeType({ [VEGA]: {} }, 'any')).toBe(VEGA);
    expect(registry.sanitizer.sanitize(remote)).toContain('elsewhere');
  });

  it('draws no diagrams', async () => {
    const asked: string[] = [];
    const other = new RenderMimeRegistry({
      initialFactories: standardRendererFactories,
      markdownParser: {
        render: source => {
          asked.push(source);
          return Promise.resolve('');
        }
      }
    });
    guard(other, () => veiled);
    for (veiled of [true, false]) {
      const renderer = other.createRenderer('text/markdown');
      const data = { 'text/markdown': '~~~~ \tMermaid\nflowchart\n~~~~' };
      await renderer.renderModel(new MimeModel({ data }));
    }
    expect(asked).toEqual([
      '~~~~ \ttext\nflowchart\n~~~~',
      '~~~~ \tMermaid\nflowchart\n~~~~'
    ]);
  });
});
