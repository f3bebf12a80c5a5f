import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';

import { findings } from './axe';
import { expect, Lab, test } from './lab';
import { OpenNotebook } from './sidebar';

/*
 * Brings the sidebar into each of its states and makes pictures of them, in light and dark, in the folder that UI_SHOTS
 * names. `make ui-shots` runs it; to be looked at by a person.
 */

const folder = process.env.UI_SHOTS;
const THEMES = ['Light', 'Dark'];

test.skip(!folder, 'UI_SHOTS names no folder for the pictures');
test.describe.configure({ timeout: 300_000 });

async function useTheme(page: Page, theme: string): Promise<void> {
  const name = `JupyterLab ${theme}`;
  await page.evaluate(
    name =>
      (window as any).jupyterapp.commands.execute('apputils:change-theme', {
        theme: name
      }),
    name
  );
  const body = page.locator('body');
  await expect(body).toHaveAttribute('data-jp-theme-name', name);
}

/** A picture of the page as it is, in both themes. */
async function shoot(page: Page, state: string): Promise<void> {
  for (const theme of THEMES) {
    await useTheme(page, theme);
    await keep(page, state, theme);
  }
}

async function keep(page: Page, state: string, theme: string): Promise<void> {
  await page.mouse.move(700, 700);
  expect.soft(await findings(page), `${state}, ${theme}`).toEqual([]);
  const path = join(folder!, `${state}-${theme.toLowerCase()}.png`);
  await page.screenshot({ path, animations: 'disabled' });
}

test('before any run', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  await sidebar.show();
  await sidebar.button('Help').click();
  await page.getByRole('button', { name: 'Take the tour' }).click();
  await expect(sidebar.button('Next')).toBeFocused();
  await expect(sidebar.region).toContainText('Runs here');
  await shoot(page, 'help-and-tour');
  await sidebar.button('End the tour').click();
  await sidebar.go('History');
  await expect(sidebar.region).toContainText('No runs yet');
  await shoot(page, 'history-empty');
  await sidebar.go('Investigation');
  await shoot(page, 'investigation-none');
  await sidebar.go('Organisms');
  await sidebar.organism('quick').click();
  await shoot(page, 'organisms-no-notebook');
});

test('an organism loads', async ({ page, lab }) => {
  await lab.makeNotebook('loading.ipynb');
  const sidebar = await lab.open(page, 'loading.ipynb');
  for (const theme of THEMES) {
    await useTheme(page, theme);
    const held = await lab.api<{ id: string }[]>('GET', 'organisms');
    for (const { id } of held) {
      await lab.api('DELETE', `organisms/${id}`);
    }
    await sidebar.start('slow');
    await expect(sidebar.now).toContainText('Weights');
    await keep(page, 'loading', theme);
    await lab.calm();
  }
});

test('running, paused, asking', async ({ page, lab }) => {
  await lab.makeNotebook('running.ipynb', ['mine = 1']);
  const sidebar = await lab.open(page, 'running.ipynb');
  await lab.start('slow', 'running.ipynb', { approval: 'ask' });
  await sidebar.go('Investigation');
  await expect(sidebar.approval).toContainText('time.sleep(600)');
  await shoot(page, 'approval');
  await sidebar.approval.getByRole('button', { name: 'Edit' }).click();
  await shoot(page, 'approval-edit');
  await sidebar.button('Undo edit').click();
  await sidebar.button('Run').click();
  await expect(new OpenNotebook(page).cell('begun')).toBeVisible();
  await expect(sidebar.now).toContainText('Running cell');
  await shoot(page, 'running');
  await sidebar.button('Pause').click();
  await expect(sidebar.status).toHaveText('Paused');
  await shoot(page, 'paused');
});

test('a cell is changed', async ({ page, lab }) => {
  await lab.makeNotebook('mend.ipynb', ['mine = 1']);
  const sidebar = await lab.open(page, 'mend.ipynb');
  await sidebar.go('Investigation');
  await expect(page.getByText(/^Python 3.* \| Idle$/)).toBeVisible();
  await lab.start('mend', 'mend.ipynb', { approval: 'ask' });
  const card = new OpenNotebook(page).pending;
  await expect(card).toContainText('n=1');
  await shoot(page, 'pending');
  await card.press('Enter');
  await expect(card).toContainText('One reply says little');
  await expect(card.locator('.ib-mod-added')).toContainText('n=4');
  await shoot(page, 'pending-diff');
  await card.press('s');
  await expect(sidebar.outcome).toBeVisible();
  await sidebar.go('Organisms');
  await sidebar.region.getByText('Ask it', { exact: true }).click();
  await sidebar.region.getByRole('textbox', { name: /^Ask / }).fill('hello');
  await page.keyboard.press('Enter');
  await expect(sidebar.region.locator('.ib-ask-reply')).toBeVisible();
  await shoot(page, 'ask');
});

test('finished', async ({ page, lab }) => {
  await lab.makeNotebook('finished.ipynb');
  const sidebar = await lab.open(page, 'finished.ipynb');
  await sidebar.start('quick');
  await expect(sidebar.outcome).toContainText('1 finding');
  await shoot(page, 'finished');
  await sidebar.button('Score').click();
  await expect(
    sidebar.outcome.getByRole('heading', { name: 'Score' })
  ).toBeVisible();
  await shoot(page, 'scored');
  await sidebar.button('Reveal the truth').click();
  await expect(sidebar.outcome.locator('u')).toHaveText(['quokka', 'quokka']);
  await sidebar.button('Hide the truth').scrollIntoViewIfNeeded();
  await shoot(page, 'revealed');
  await sidebar.button('Fork…').click();
  await shoot(page, 'fork');
  await sidebar.button('Cancel').click();
  await sidebar.button('Replay').click();
  const slider = sidebar.region.getByRole('slider', {
    name: 'Moment of the run'
  });
  await slider.focus();
  await page.keyboard.press('End');
  await shoot(page, 'replay');
  await sidebar.button('End the replay').click();
  const run = await lab.start('many', 'none.ipynb');
  await lab.ended(run.id);
  await sidebar.go('History');
  await sidebar.region.locator(`[data-run="${run.id}"]`).click();
  await expect(sidebar.outcome).toContainText('Nothing found');
  await shoot(page, 'finished-none');
  await sidebar.go('History');
  for (const pick of await sidebar.region.getByRole('checkbox').all()) {
    await pick.click();
  }
  await shoot(page, 'history');
  await sidebar.region
    .getByRole('button', { name: /Compare \d+ runs/ })
    .click();
  await expect(page.getByRole('table').first()).toBeVisible();
  await shoot(page, 'compare');
});

test('its notebook, with what the cells show', async ({ page, lab }) => {
  lab.addConfig(
    'shows',
    "display(organism.sample(['hi', 'bye'], n=2, max_new_tokens=8))\norganism.logit_lens('The quokka is', target=' a')"
  );
  await lab.makeNotebook('shows.ipynb');
  const sidebar = await lab.open(page, 'shows.ipynb');
  const run = await lab.start('shows', 'shows.ipynb');
  await sidebar.go('Investigation');
  await lab.ended(run.id);
  const { panel } = new OpenNotebook(page);
  const above = panel.locator('.ib-mod-reason');
  await expect(above).toHaveText([/What does it write/, /The second look/]);
  await expect(panel.locator('.ib-Chart svg')).toBeVisible();
  await panel.locator('.ib-Chart').scrollIntoViewIfNeeded();
  await shoot(page, 'notebook');
});

/** Give the left area 420 px, about. */
async function widen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const shell = (globalThis as any).jupyterapp.shell;
    shell._hsplitPanel.setRelativeSizes([0.33, 0.67]);
  });
  const left = await page.locator('#jp-left-stack').boundingBox();
  expect(Math.abs(left!.width - 420)).toBeLessThan(40);
}

test('at 200 % zoom, and in a wide sidebar', async ({ page, lab }) => {
  await lab.makeNotebook('zoom.ipynb');
  const sidebar = await lab.open(page, 'zoom.ipynb');
  const sizes = {
    zoom: async () => page.setViewportSize({ width: 680, height: 430 }),
    wide: async () => {
      await page.setViewportSize({ width: 1360, height: 860 });
      await widen(page);
    }
  };
  const run = await lab.start('quick', 'zoom.ipynb');
  await lab.ended(run.id);
  for (const [name, make] of Object.entries(sizes)) {
    await make();
    await sidebar.go('History');
    await sidebar.region.locator(`[data-run="${run.id}"]`).click();
    await sidebar.go('Organisms');
    await sidebar.organism('quick').click();
    await shoot(page, `${name}-organisms`);
    await sidebar.go('Investigation');
    await expect(sidebar.outcome).toContainText('1 finding');
    await shoot(page, `${name}-finished`);
    await sidebar.go('History');
    await shoot(page, `${name}-history`);
    const slow = await lab.start('slow', `${name}.ipynb`, { approval: 'ask' });
    await sidebar.region.locator(`[data-run="${slow.id}"]`).click();
    await expect(sidebar.approval).toContainText('time.sleep(600)');
    await shoot(page, `${name}-approval`);
    await lab.command(slow.id, 'stop');
    await lab.ended(slow.id);
  }
});

test('on Modal', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  await sidebar.go('Organisms');
  await sidebar.organism('elder').click();
  await shoot(page, 'modal');
  await sidebar.button('Start investigation').click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await shoot(page, 'modal-cost');
});

test('it goes wrong', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  await lab.start('overloaded', 'overloaded.ipynb');
  await sidebar.go('Investigation');
  await expect(sidebar.now).toContainText('Trying again');
  await shoot(page, 'overloaded');
  await lab.calm();

  await sidebar.start('refused');
  await expect(sidebar.status).toHaveText('Failed');
  await shoot(page, 'failed');

  const budget = await lab.start('many', 'budget.ipynb', { max_steps: 2 });
  await lab.ended(budget.id);
  await sidebar.go('History');
  await sidebar.region.locator(`[data-run="${budget.id}"]`).click();
  await expect(sidebar.outcome).toContainText('A budget is used up');
  await sidebar.region
    .getByRole('button', { name: 'Budget', exact: true })
    .click();
  const meters = sidebar.region.locator('.ib-meter');
  await expect(meters).toHaveCount(8);
  await expect(meters.first()).toContainText('Steps');
  await expect(meters.first()).toContainText('2 of 2');
  await shoot(page, 'budget');
});

test('kernel and organism are lost', async ({ page, lab }) => {
  await lab.makeNotebook('lost.ipynb');
  const sidebar = await lab.open(page, 'lost.ipynb');
  await lab.expectTrouble(page);
  const notebook = new OpenNotebook(page);
  await sidebar.start('deadly');
  await expect(sidebar.outcome).toBeVisible();
  const deadly = notebook.cell('os._exit(1)').getByRole('note');
  await expect(deadly).toHaveAccessibleName(/the kernel died/);
  await shoot(page, 'kernel-died');

  await sidebar.start('slow');
  await expect(notebook.cell('begun')).toBeVisible();
  // Without its weights none comes in its place.
  const [weights, away] = ['model', 'away'].map(name => join(lab.folder, name));
  renameSync(weights, away);
  lab.loseOrganisms();
  await expect(sidebar.now).toContainText('The organism was lost');
  await expect(sidebar.region).toContainText('organism lost');
  await shoot(page, 'organism-lost');
  renameSync(away, weights);
});

test('a long run', async ({ page, lab }) => {
  const run = await lab.start('long', 'long.ipynb', { max_steps: 600 });
  await expect
    .poll(async () => (await lab.run(run.id)).status, { timeout: 200_000 })
    .toBe('finished');
  const sidebar = await lab.open(page);
  await sidebar.go('History');
  await sidebar.region.locator(`[data-run="${run.id}"]`).click();
  await sidebar.rows('Steps');
  await expect(sidebar.button('Go to cell c502')).toBeVisible();
  await shoot(page, 'steps-500');
});

test('the server goes away', async ({ page, lab }) => {
  await lab.makeNotebook('away.ipynb', ['mine = 1']);
  let sidebar = await lab.open(page, 'away.ipynb');
  for (const theme of THEMES) {
    await useTheme(page, theme);
    await sidebar.start('slow');
    await expect(sidebar.now).toContainText(/Running cell\s*c\d/);
    await lab.kill();
    const lost = page.getByRole('dialog', { name: 'Server Connection Error' });
    await lost.getByRole('checkbox').check();
    await lost.getByRole('button', { name: 'Close' }).click();
    await expect(sidebar.region.getByText(/^Offline/)).toHaveCount(1);
    await keep(page, 'offline', theme);
    await lab.restart();
    await page.reload();
    sidebar = await lab.shown(page);
    await sidebar.show();
    await expect(sidebar.status).toHaveText('Interrupted');
    await keep(page, 'interrupted', theme);
  }
});

test('the server half is missing', async ({ page, lab }) => {
  await page.route('**/interp_bench/api**', route =>
    route.fulfill({ status: 404, body: 'not found' })
  );
  const sidebar = await lab.open(page);
  await sidebar.show();
  await expect(sidebar.region).toContainText('The server half is missing');
  await shoot(page, 'server-missing');
});

test('first use, without a key', async ({ page }) => {
  const lab = await Lab.start({ key: false });
  const sidebar = await lab.open(page);
  await sidebar.go('Organisms');
  await expect(sidebar.region).toContainText('New here?');
  await shoot(page, 'first-use');
  await sidebar.organism('quick').click();
  await sidebar.region.getByText('What is the playbook?').click();
  await shoot(page, 'first-use-playbook');
  await lab.stop();
});

test('200 organisms, and an administrator', async ({ page }) => {
  const lab = await Lab.start({ locked: true, organisms: 200 });
  const sidebar = await lab.open(page);
  await sidebar.go('Organisms');
  await sidebar.organism('organism-017').click();
  await expect(sidebar.region).toContainText('Set by your administrator');
  await shoot(page, 'locked-200-organisms');
  await lab.stop();
});
