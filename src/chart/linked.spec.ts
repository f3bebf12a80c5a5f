// @vitest-environment jsdom
import '../testing/browser';

import { MimeModel } from '@jupyterlab/rendermime';
import { beforeEach, expect, test } from 'vitest';

import { alike, LINKED_CLASS, linkTokens } from './linked';
import { CHART, chartRendererFactory } from './renderer';

const KL =
  '<span title="KL 2.10 nats"> lighthouse</span><span title="KL 0.00 nats"> is</span>';
const CODE = '<span style="font-family:monospace">␣lighthouse</span>';

let notebook: HTMLElement;

/**
 * A chart of bars, one for each label.
 */
async function bars(...labels: string[]): Promise<HTMLElement> {
  const spec = {
    data: { values: labels.map((label, row) => ({ row, label, value: 1 })) },
    layer: [
      {
        mark: { type: 'bar', height: 12 },
        encoding: {
          x: { field: 'value', type: 'quantitative', title: 'p' },
          y: { field: 'row', type: 'ordinal' },
          tooltip: [{ field: 'label', type: 'nominal', title: 'token' }]
        }
      }
    ],
    width: 200,
    height: 40
  };
  const data = { [CHART]: { version: 1, spec, text: 'bars' } };
  const renderer = chartRendererFactory.createRenderer({} as never);
  await renderer.renderModel(new MimeModel({ data: data }));
  return renderer.node;
}

beforeEach(async () => {
  notebook = document.createElement('div');
  notebook.className = 'jp-Notebook';
  notebook.innerHTML = `<div class="jp-RenderedHTMLCommon">${KL}${CODE}</div>`;
  notebook.append(
    await bars('␣lighthouse (3)', 'The keeper [␣is]'),
    await bars('␣lighthouse (position 3)', '␣lighthouse (position 9)')
  );
  document.body.replaceChildren(notebook);
  return () => notebook.remove();
});

const marks = (chart: number): Element[] => [
  ...notebook
    .querySelectorAll('.ib-Chart')
    [chart].querySelectorAll('.mark-rect.role-mark path')
];

test('a token in one result is the same in all others', () => {
  const [lighthouse, is, code] = notebook.querySelectorAll('span');
  expect(alike(code)).toEqual([lighthouse, code, marks(0)[0], ...marks(1)]);
  expect(alike(is)).toEqual([is, marks(0)[1]]);
});

test('where both say a position, it is the same one', () => {
  expect(alike(marks(0)[0]).filter(found => marks(1).includes(found))).toEqual([
    marks(1)[0]
  ]);
});

test('what is too long for a token costs no time', () => {
  const [, is, code] = notebook.querySelectorAll('span');
  code.textContent = '['.repeat(400_000);
  const began = performance.now();
  expect(alike(is)).toEqual([is, marks(0)[1]]);
  expect(alike(code)).toEqual([]);
  expect(performance.now() - began).toBeLessThan(2_000);
});

test('it is marked while the pointer is on it', () => {
  linkTokens(document);
  const point = (element: Element): boolean =>
    element.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
  const marked = (): Element[] => [
    ...notebook.querySelectorAll(`.${LINKED_CLASS}`)
  ];
  point(marks(0)[1]);
  expect(marked()).toEqual([notebook.querySelectorAll('span')[1], marks(0)[1]]);
  point(notebook);
  expect(marked()).toEqual([]);
});
