import { findings } from './axe';
import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`the sidebar in ${theme} is accessible`, async ({ page, lab }) => {
    await lab.setTheme(theme);
    await lab.makeNotebook('access.ipynb');
    const sidebar = await lab.open(page, 'access.ipynb');
    await sidebar.go('Organisms');
    await sidebar.organism('quick').click();
    expect.soft(await findings(page)).toEqual([]);

    await lab.start('slow', 'access.ipynb', { approval: 'ask' });
    await sidebar.go('Investigation');
    await expect(sidebar.approval).toContainText('time.sleep');
    expect.soft(await findings(page)).toEqual([]);
    await sidebar.button('Run').click();
    await expect(new OpenNotebook(page).cell('begun')).toBeVisible();
    await sidebar.rows('Log');
    expect.soft(await findings(page)).toEqual([]);
    await sidebar.button('Stop').click();
    await expect(sidebar.outcome).toBeVisible();
    expect.soft(await findings(page)).toEqual([]);

    await sidebar.go('History');
    await expect(sidebar.region.getByRole('listitem').first()).toBeVisible();
    expect.soft(await findings(page)).toEqual([]);
  });
}

test('all of it can be reached in a low window and in a narrow sidebar', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('narrow.ipynb');
  const sidebar = await lab.open(page, 'narrow.ipynb');
  await sidebar.go('Organisms');
  await sidebar.organism('quick').click();
  await page.setViewportSize({ width: 640, height: 450 });
  await sidebar.button('More').click();
  const start = sidebar.button('Start investigation');
  await start.scrollIntoViewIfNeeded();
  await expect(start).toBeInViewport({ ratio: 0.9 });
  for (const place of ['Organisms', 'Investigation', 'History']) {
    const tab = sidebar.region.getByRole('tab', { name: place });
    await expect(tab).toBeInViewport({ ratio: 0.9 });
  }
  await sidebar.organism('quick').scrollIntoViewIfNeeded();
  await expect(sidebar.organism('quick')).toBeInViewport({ ratio: 0.5 });

  await test.step('the task scrolls, and shades the edge that it goes on behind', async () => {
    await sidebar.organism('elder').click();
    const task = sidebar.region.locator('.ib-prose');
    expect(
      await task.evaluate(node => node.scrollHeight - node.clientHeight)
    ).toBeGreaterThan(0);
    await expect(task).toHaveCSS(
      'background-attachment',
      'local, local, scroll, scroll'
    );
    await sidebar.organism('quick').click();
  });

  await page.setViewportSize({ width: 1360, height: 860 });
  await page.evaluate(() => {
    const shell = (globalThis as any).jupyterapp.shell;
    shell._hsplitPanel.setRelativeSizes([0.18, 0.82]);
  });
  await sidebar.region.evaluate(node => {
    (node.parentElement as HTMLElement).style.width = '250px';
    node.style.width = '250px';
  });
  const wide = await sidebar.region.evaluate(node =>
    [...node.querySelectorAll<HTMLElement>('*')]
      .filter(
        ({ clientWidth, scrollWidth }) =>
          clientWidth > 0 && scrollWidth > clientWidth + 1
      )
      .filter(element => getComputedStyle(element).overflowX === 'visible')
      .filter(
        element =>
          element.getBoundingClientRect().left + element.scrollWidth >
          node.getBoundingClientRect().right + 1
      )
      .map(({ className }) => String(className))
  );
  expect(wide).toEqual([]);
  const title = sidebar.region.getByRole('heading', { level: 1 });
  expect(
    await title.evaluate(node => node.scrollWidth - node.clientWidth)
  ).toBeLessThanOrEqual(0);
});

test('the palette and a shortcut lead into the sidebar', async ({
  page,
  lab
}) => {
  const sidebar = await lab.open(page);
  for (const [command, role] of [
    ['Start Investigation', 'searchbox'],
    ['Show Interp Bench', 'tab']
  ] as const) {
    await page.keyboard.press('Control+Shift+C');
    await page.keyboard.type(command);
    await page.keyboard.press('Enter');
    const selected = role === 'tab' ? { selected: true } : {};
    await expect(sidebar.region.getByRole(role, selected)).toBeFocused();
  }
  await page.locator('.jp-LauncherCard').first().focus();
  await page.keyboard.press('Alt+I');
  await page.keyboard.press('I');
  await expect(
    sidebar.region.getByRole('tab', { selected: true })
  ).toBeFocused();
});
