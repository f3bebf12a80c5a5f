import { join } from 'node:path';

import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

test.use({ collaboration: false });

/** A cell that shows one result of each type. */
const SHOW = [
  'import sys',
  `sys.path.insert(0, ${JSON.stringify(join(__dirname, '..'))})`,
  'from tests.results import samples',
  'for result in samples.all_samples():',
  '    result._ipython_display_()',
  'print("all are", "shown")'
].join('\n');
const CHART = 'application/vnd.interp-bench.chart+json';
const folder = process.env.UI_SHOTS;

interface Output {
  data?: Record<string, unknown>;
}

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`the charts of results: ${theme}`, async ({ browser, lab }) => {
    // The kernel imports what draws the charts' pictures.
    test.slow();
    await lab.setTheme(theme);
    await lab.makeNotebook('charts.ipynb', [SHOW], {
      metadata: { interp_bench: { run: 'r1', status: 'ok' } }
    });
    const page = await browser.newPage({
      viewport: { width: 1360, height: 5200 }
    });
    await lab.open(page, 'charts.ipynb');
    const notebook = new OpenNotebook(page);
    await notebook.runAll();
    const cell = notebook.cell('all are shown');
    await expect(cell).toBeVisible({ timeout: 120_000 });
    await page.keyboard.press('Control+S');
    const charts = (): Output[] =>
      lab
        .notebook('charts.ipynb')
        .cells[0].outputs.filter(({ data }: Output) => data && CHART in data);
    await expect.poll(() => charts().length).toBeGreaterThan(4);
    const drawn = cell.locator('.ib-Chart svg');
    await expect(drawn).toHaveCount(charts().length);
    await expect(cell.locator('.ib-Chart').locator('details, a')).toHaveCount(
      0
    );

    await drawn.first().locator('.mark-rect path').first().hover();
    await expect(page.locator('.ib-ChartTooltip')).toContainText('token');
    if (folder) {
      const name = theme.replace('JupyterLab ', '').toLowerCase();
      await page.screenshot({ path: join(folder, `charts-${name}.png`) });
    }
    await page.close();
  });
}
