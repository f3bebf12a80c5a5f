import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, expect, type Page, test } from '@playwright/test';

import { findings } from './axe';
import { Sidebar } from './sidebar';

/*
 * Pictures of a JupyterHub: a user's sidebar, and the pages of an administrator and an instructor, in light and dark, in
 * the folder that HUB_SHOTS names. `make hub-shots` runs it; to be looked at by a person.
 */

const folder = process.env.HUB_SHOTS;
const python =
  process.env.INTERP_BENCH_PYTHON ?? join(__dirname, '..', '.venv/bin/python');
const THEMES = ['light', 'dark'] as const;

interface IHub {
  url: string;
  service: string;
  password: string;
}

let server: ChildProcess;
let lines: AsyncIterator<string>;
let hub: IHub;

test.skip(!folder, 'HUB_SHOTS names no folder for the pictures');
test.describe.configure({ mode: 'serial', timeout: 400_000 });

test.beforeAll(async () => {
  test.setTimeout(400_000);
  server = spawn(python, [join(__dirname, 'hub_server.py')], {
    stdio: ['pipe', 'pipe', 'inherit']
  });
  lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]();
  hub = JSON.parse((await lines.next()).value);
});

test.afterAll(async () => {
  const ended = new Promise(resolve => server.once('exit', resolve));
  server.stdin!.end();
  await ended;
});

async function tell(command: 'crowd' | 'calm'): Promise<void> {
  server.stdin!.write(`${command}\n`);
  expect((await lines.next()).value).toBe(command);
}

/** A browser in which somebody has logged in. */
async function loggedIn(browser: Browser, user: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${hub.url}hub/login`);
  await page.locator('#username_input').fill(user);
  await page.locator('#password_input').fill(hub.password);
  await page.locator('#login_submit').click();
  await page.waitForURL(url => !url.pathname.endsWith('/login'));
  return page;
}

async function keep(page: Page, what: string, theme: string): Promise<void> {
  const path = join(folder!, `${what}-${theme}.png`);
  await page.screenshot({ path, animations: 'disabled' });
}

async function useTheme(page: Page, theme: string): Promise<void> {
  const name = `JupyterLab ${theme === 'light' ? 'Light' : 'Dark'}`;
  await page.evaluate(
    theme =>
      (window as any).jupyterapp.commands.execute('apputils:change-theme', {
        theme
      }),
    name
  );
  await expect(page.locator('body')).toHaveAttribute(
    'data-jp-theme-name',
    name
  );
}

/** A page of the service, in both themes. */
async function shootPage(page: Page, what: string): Promise<void> {
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    expect
      .soft(await findings(page, ['body']), `${what}, ${theme}`)
      .toEqual([]);
    const path = join(folder!, `${what}-${theme}.png`);
    await page.screenshot({ path, animations: 'disabled', fullPage: true });
  }
}

test('a user, and an administrator', async ({ browser }) => {
  const page = await loggedIn(browser, 'alice');
  await page.goto(`${hub.url}user/alice/lab`, { timeout: 120_000 });
  await page.waitForURL('**/user/alice/lab**', { timeout: 200_000 });
  await page.locator('.jp-LauncherCard').first().waitFor({ timeout: 120_000 });
  const sidebar = new Sidebar(page);
  await sidebar.show();
  await sidebar.organism('amber hub').click();
  await expect(sidebar.region).toContainText('Set by your administrator.');
  await sidebar.region.locator('.ib-why-locked').scrollIntoViewIfNeeded();
  for (const theme of THEMES) {
    await useTheme(page, theme);
    expect.soft(await findings(page), theme).toEqual([]);
    await keep(page, 'hub-locked', theme);
  }
  await tell('crowd');
  await sidebar.button('Start investigation').click();
  await expect(sidebar.now).toContainText(/place \d+ of \d+ in the queue/, {
    timeout: 200_000
  });
  for (const theme of THEMES) {
    await useTheme(page, theme);
    await expect(sidebar.now).toContainText(/in the queue/);
    await keep(page, 'hub-queue', theme);
  }
  const admin = await loggedIn(browser, 'root');
  await admin.goto(`${hub.service}/`);
  await expect(admin.locator('#queue')).toContainText('alice');
  await shootPage(admin, 'hub-admin');
  await tell('calm');
});

test('an instructor', async ({ browser }) => {
  const page = await loggedIn(browser, 'teacher');
  await page.goto(`${hub.service}/classes/`);
  await expect(page.locator('main')).toContainText('alice');
  await shootPage(page, 'hub-instructor');
});
