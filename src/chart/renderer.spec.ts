// @vitest-environment jsdom
import '../testing/browser';

import { MimeModel } from '@jupyterlab/rendermime';
import { describe, expect, it } from 'vitest';

import { isChart } from './draw';
import { CHART, chartRendererFactory } from './renderer';

const BAR = {
  mark: { type: 'bar', height: 12 },
  encoding: {
    x: { field: 'value', type: 'quantitative', title: 'p' },
    y: {
      field: 'row',
      type: 'ordinal',
      axis: { labelExpr: '["one", "two"][datum.value]' }
    },
    color: {
      condition: { test: 'datum.value >= 0.3', value: '#D55E00' },
      value: '#0072B2'
    },
    tooltip: [{ field: 'value', type: 'quantitative', title: 'p' }]
  }
};
const DATA = {
  values: [
    { row: 0, value: 0.25 },
    { row: 1, value: 0.5 }
  ]
};

function chart(change: object = {}): object {
  const spec = { data: DATA, layer: [BAR], width: 200, height: 40, ...change };
  return { version: 1, spec, text: 'two bars' };
}

async function drawn(data: Record<string, unknown>): Promise<HTMLElement> {
  const renderer = chartRendererFactory.createRenderer({} as never);
  await renderer.renderModel(new MimeModel({ data: data as never }));
  return renderer.node;
}

describe('a chart', () => {
  it('is drawn as SVG, with its words for a screen reader', async () => {
    const node = await drawn({ [CHART]: chart() });
    const bars = [...node.querySelectorAll('.mark-rect.role-mark path')];
    expect(bars.map(bar => bar.getAttribute('fill'))).toEqual([
      '#0072B2',
      '#D55E00'
    ]);
    expect(node.textContent).toMatch(/one.*two/s);
    expect(node.querySelector('[role=img]')?.getAttribute('aria-label')).toBe(
      'two bars'
    );
    expect(node.querySelector('details, a, [href]')).toBeNull();
  });

  it('keeps the colours of its scale when the page has another address', async () => {
    const colour = {
      field: 'value',
      type: 'quantitative',
      scale: { scheme: 'viridis' }
    };
    const encoding = { ...BAR.encoding, color: colour };
    const node = await drawn({
      [CHART]: chart({ layer: [{ ...BAR, encoding }] })
    });
    const scales = [...node.querySelectorAll('[fill^="url"]')];
    expect(scales).toHaveLength(1);
    const fill = scales[0].getAttribute('fill')!;
    const [, id] = /^url\(#([\w-]+)\)$/.exec(fill) ?? [fill];
    expect(node.querySelector(`linearGradient[id="${id}"]`)).not.toBeNull();
  });

  it('writes nothing back', async () => {
    let written = 0;
    const renderer = chartRendererFactory.createRenderer({} as never);
    await renderer.renderModel(
      new MimeModel({ data: { [CHART]: chart() }, callback: () => written++ })
    );
    expect(renderer.node.querySelector('svg')).not.toBeNull();
    expect(written).toBe(0);
  });

  it.each<[string, object]>([
    ['has its data elsewhere', { data: { url: '/files/a.csv' } }],
    ['makes its data', { data: { sequence: { start: 0, stop: 1e9 } } }],
    ['brings a menu', { usermeta: { embedOptions: {} } }],
    ['listens', { params: [{ name: 'a', bind: { input: 'text' } }] }],
    ['computes', { transform: [{ calculate: '1', as: 'a' }] }],
    ['links', { layer: [{ ...BAR, encoding: { href: { value: 'x' } } }] }],
    ['has pictures', { layer: [{ ...BAR, mark: { type: 'image' } }] }],
    [
      'has an expression of its own',
      { layer: [{ ...BAR, mark: { type: 'bar', dx: { expr: 'now()' } } }] }
    ],
    [
      'has more rows than a page can show',
      {
        layer: [1, 2, 3].map(() => ({
          ...BAR,
          data: { values: Array(4000).fill({ row: 0, value: 1 }) }
        }))
      }
    ]
  ])('that %s is none', async (_, change) => {
    expect(isChart(chart())).toBe(true);
    expect(isChart(chart(change))).toBe(false);
    const instead = await drawn({
      [CHART]: chart(change),
      'text/plain': 'its words'
    });
    expect(instead.querySelector('svg')).toBeNull();
    expect(instead.textContent).toBe('its words');
  });

  it('that cannot be drawn is its picture', async () => {
    const node = await drawn({ [CHART]: {}, 'image/png': 'iVBORw0KGgo=' });
    expect(node.querySelector('img')?.src).toBe(
      'data:image/png;base64,iVBORw0KGgo='
    );
  });
});
