import { test as base } from '@playwright/test';

import { expect, Lab } from './lab';
import { OpenNotebook, Sidebar } from './sidebar';

base('an investigation in Notebook 7', async ({ page }) => {
  const lab = await Lab.start({ application: 'notebook' });
  await lab.makeNotebook('seven.ipynb', ['mine = 1']);
  await page.goto(`${lab.url}/notebooks/seven.ipynb?token=${lab.token}`);
  const notebook = new OpenNotebook(page);
  await expect(notebook.cell('mine = 1')).toBeVisible();
  await page.getByRole('button', { name: 'Investigate' }).click();
  const sidebar = new Sidebar(page);
  await expect(sidebar.region).toBeVisible();
  await sidebar.organism('quick').click();
  await sidebar.button('Start investigation').click();
  await expect(notebook.cell('texts: 2')).toBeVisible();
  await expect(sidebar.outcome).toContainText('1 finding');
  await lab.stop();
});
