import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

/** What axe finds wrong in the sidebar and in the agent's part of the notebook, as one line each. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page })
    .include('#interp-bench-sidebar')
    // The hidden button inside of Lab's search box has no name, and is not reached by anybody.
    .exclude({ fromShadowDom: ['jp-search', '.clear-button__hidden'] })
    .analyze();
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}`));
}

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`the sidebar in ${theme} is accessible`, async ({ page, lab }) => {
    await lab.setTheme(theme);
    await lab.makeNotebook('access.ipynb');
    const sidebar = await lab.open(page, 'access.ipynb');
    await sidebar.go('Organisms');
    await sidebar.organism('quick').click();
    expect.soft(await violations(page)).toEqual([]);

    await lab.start('slow', 'access.ipynb', { approval: 'ask' });
    await sidebar.go('Investigation');
    await expect(sidebar.approval).toContainText('time.sleep');
    expect.soft(await violations(page)).toEqual([]);
    await sidebar.button('Run').click();
    await expect(new OpenNotebook(page).cell('begun')).toBeVisible();
    await sidebar.rows('Log');
    expect.soft(await violations(page)).toEqual([]);
    await sidebar.button('Stop').click();
    await expect(sidebar.outcome).toBeVisible();
    expect.soft(await violations(page)).toEqual([]);

    await sidebar.go('History');
    await expect(sidebar.region.getByRole('listitem').first()).toBeVisible();
    expect.soft(await violations(page)).toEqual([]);
  });
}
