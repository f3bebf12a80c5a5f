/**
 * What a run's kernel may do to the person who has its notebook open. Each attempt is made twice by the same cells: in
 * a notebook that holds a cell of a run, and, as the control, in one that does not.
 *
 * The kernel is Lab's own here, so that nothing but the browser stands between it and the page.
 */
import type { Browser, Page } from '@playwright/test';

import { Canary } from './canary';
import { expect, type Lab, test } from './lab';
import {
  attempt,
  ATTACKS,
  hooking,
  ran,
  showing,
  Watched
} from './redteam-attacks';
import { OpenNotebook } from './sidebar';

test.use({ collaboration: false });

type Place = 'veiled' | 'control';

const MARK = { interp_bench: { run: 'r1', status: 'ok' } };
const OF_PERSON: [string, string][] = [
  ['F4', 'a cell that the person runs shows a script from a hook'],
  ['F5', 'the person trusts the notebook, and a script is in it'],
  ['F14', 'printed text and a traceback bring HTML, and links to a script']
];
const nameOf = (id: string, place: Place): string => `${id}${place}`;

function shown(data: Bundle): object {
  return { output_type: 'display_data', data, metadata: {} };
}

/** Text with HTML and with terminal links; the control is trusted HTML instead. */
function printed(name: string, place: Place): object[] {
  const live = `<img src="data:," onerror="${ran(name)}"><a href="javascript:${name}">x</a>`;
  if (place === 'control') {
    return [shown({ 'text/html': live })];
  }
  const link = `\u001b]8;;javascript:${name}\u0007${live}\u001b]8;;\u0007`;
  return [
    { output_type: 'stream', name: 'stdout', text: link },
    { output_type: 'stream', name: 'stderr', text: live },
    {
      output_type: 'error',
      ename: live,
      evalue: live,
      traceback: [live, link]
    }
  ];
}

/** Open a notebook in which all is tried, trust it and run it, as a person does. */
async function tryAll(
  browser: Browser,
  lab: Lab,
  place: Place,
  canary: Canary
): Promise<Watched> {
  const stored = `<script>${ran(nameOf('F5', place))}</script>`;
  const bundles = ATTACKS.map(({ id, bundle, planted }) =>
    place === 'control' && planted
      ? planted(nameOf(id, place))
      : bundle(nameOf(id, place), canary.url)
  );
  await lab.makeNotebook(
    `${place}.ipynb`,
    [showing(bundles), hooking(ran(nameOf('F4', place))), '1 + 1', '# stored'],
    {
      metadata: place === 'veiled' ? MARK : {},
      outputs: [
        shown({ 'text/html': stored }),
        ...printed(nameOf('F14', place), place)
      ]
    }
  );
  const page = await browser.newPage({
    viewport: { width: 1360, height: 2400 }
  });
  const watched = new Watched(page, canary);
  await lab.open(page, `${place}.ipynb`);
  const notebook = new OpenNotebook(page);
  await notebook.trust();
  await expect
    .poll(() => watched.happened(nameOf('F5', place)))
    .toBe(place === 'control');
  await notebook.runAll();
  await expect(notebook.cell('1 + 1')).toContainText('shown');
  for (const chart of await page.locator('.jp-OutputArea canvas').all()) {
    await chart.hover({ force: true });
  }
  await page.mouse.move(600, 400);
  return watched;
}

test.describe('in a notebook that a run has written in', () => {
  let canary: Canary;
  let veiled: Watched;
  let control: Watched;
  const browsers: Browser[] = [];

  test.beforeAll(async ({ lab, playwright, launchOptions }) => {
    canary = await Canary.start();
    for (const place of ['veiled', 'control'] as const) {
      const browser = await playwright.chromium.launch(launchOptions);
      browsers.push(browser);
      const watched = await tryAll(browser, lab, place, canary);
      [veiled, control] =
        place === 'veiled' ? [watched, control] : [veiled, watched];
    }
  });

  test.afterAll(async () => {
    await Promise.all(browsers.map(browser => browser.close()));
    await canary.stop();
  });

  const all = [
    ...ATTACKS.map(({ id, sentence }) => [id, sentence]),
    ...OF_PERSON
  ];
  for (const [id, sentence] of all) {
    test(`${id}: ${sentence}`, attempt(id, sentence), async () => {
      // What the control has seen came after the same had been shown there.
      await expect
        .poll(() => control.happened(nameOf(id, 'control')))
        .toBe(true);
      expect(await veiled.happened(nameOf(id, 'veiled'))).toBe(false);
    });
  }
});

const EMPTY = { data: { values: [] }, mark: 'point', width: 0, height: 0 };

/** Charts that keep a page busy, one way or another. */
const BUSY: Bundle[] = [
  { 'application/vnd.vegalite.v5+json': EMPTY },
  {
    'application/vnd.vegalite.v5+json': {
      ...EMPTY,
      data: { sequence: { start: 0, stop: 3e7 } }
    }
  },
  chartOf({ layer: [{ mark: { type: 'bar' } }], width: 0, height: 0 }),
  chartOf({ concat: [] }),
  chartOf({
    data: { sequence: { start: 0, stop: 3e7 } },
    layer: [{ mark: { type: 'bar' } }],
    width: 1,
    height: 1
  }),
  chartOf({
    concat: Array(12).fill({
      data: { values: Array(4000).fill({ a: 1 }) },
      layer: [{ mark: { type: 'bar' } }],
      width: 1,
      height: 1
    })
  })
];

function chartOf(spec: object): Bundle {
  const type = 'application/vnd.interp-bench.chart+json';
  return {
    [type]: { version: 1, spec, text: 'busy' },
    'text/plain': 'busy'
  };
}

/** Whether the page does something else within a time that a person hardly notices. */
async function answers(page: Page): Promise<boolean> {
  const late = new Promise<false>(resolve =>
    setTimeout(() => resolve(false), 3000)
  );
  const soon = page.evaluate(() => true as const).catch(() => true as const);
  return Promise.race([soon, late]);
}

test(
  'F10: charts that draw nothing, or without end',
  attempt(
    'F10',
    'a chart that draws nothing, or without end, holds up the page'
  ),
  async ({ lab, page, anotherBrowser }) => {
    const last = { outputs: BUSY.map(shown) };
    await lab.makeNotebook('busy.ipynb', ['1'], { ...last, metadata: MARK });
    await lab.open(page, 'busy.ipynb');
    const area = new OpenNotebook(page).cell('1').locator('.ib-Chart');
    await expect(area).toHaveCount(4);
    expect(await answers(page)).toBe(true);

    await lab.makeNotebook('freezes.ipynb', ['1'], last);
    const control = await (await anotherBrowser()).newPage();
    void lab.open(control, 'freezes.ipynb').catch(() => undefined);
    await expect.poll(() => answers(control)).toBe(false);
  }
);
