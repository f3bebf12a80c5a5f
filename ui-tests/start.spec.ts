import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

test('an investigation from the first click to its score', async ({
  context,
  page,
  lab
}) => {
  await lab.makeNotebook('first.ipynb', ['mine = 1']);
  const sidebar = await lab.open(page, 'first.ipynb');
  const notebook = new OpenNotebook(page);

  await test.step('choose and start', async () => {
    await sidebar.go('Organisms');
    await sidebar.organism('quick').click();
    await expect(sidebar.organism('quick')).toBeChecked();
    await expect(sidebar.region.locator('.ib-card-details')).toContainText(
      'logit_lens'
    );
    await expect(
      sidebar.region.getByRole('radio', { name: 'first.ipynb' })
    ).toBeChecked();
    await sidebar.button('Start investigation').click();
  });

  await test.step('the open notebook fills', async () => {
    await expect(notebook.cell('texts: 2')).toBeVisible();
    await expect(notebook.cell('What came back')).toHaveCount(1);
    const agents = notebook.cell('texts: 2').getByRole('note');
    await expect(agents).toHaveAccessibleName('Written by the agent');
    const own = notebook.cell('mine = 1');
    await expect(own).toHaveCount(1);
    await expect(own.getByRole('note')).toHaveCount(0);
  });

  await test.step('findings and their evidence', async () => {
    await expect(sidebar.status).toHaveText('Finished');
    await expect(sidebar.outcome).toContainText('1 finding');
    await expect(sidebar.outcome).toContainText('It adores the quokka');
    await sidebar.outcome
      .getByRole('button', { name: 'Go to cell c3' })
      .first()
      .click();
    const cell = notebook.cell('replies = organism.sample');
    await expect(cell).toHaveClass(/ib-mod-flash/);
    await expect(cell).toHaveClass(/jp-mod-active/);
    await expect(cell).toBeInViewport();
    await expect(cell).not.toHaveClass(/ib-mod-flash/);
  });

  await test.step('the report', async () => {
    const opened = context.waitForEvent('page');
    await sidebar.button('Report').click();
    const report = await opened;
    await expect(report.getByRole('heading').first()).toBeVisible();
    await expect(
      report.getByText('It adores the quokka').first()
    ).toBeVisible();
    await report.close();
  });

  await test.step('the score', async () => {
    await expect(page.getByText('quokka is the secret')).toHaveCount(0);
    await sidebar.button('Score').click();
    await expect(
      sidebar.outcome.getByRole('heading', { name: 'Score' })
    ).toBeVisible();
    await expect(sidebar.button('Score')).toHaveCount(0);
  });

  await test.step('the history', async () => {
    await sidebar.go('History');
    const [latest] = await lab.runs();
    const row = sidebar.region
      .getByRole('listitem')
      .filter({ has: page.locator(`[data-run="${latest.id}"]`) });
    await expect(row).toContainText('Finished');
    await expect(row).toContainText('1 finding');
    await row.getByRole('button', { name: 'Replay' }).click();
    const slider = sidebar.region.getByRole('slider', {
      name: 'Moment of the run'
    });
    // The notebook scrolls along and leaves the keys to the slider.
    await slider.focus();
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'End']) {
      await page.keyboard.press(key);
      await expect(slider).toBeFocused();
    }
    await sidebar.button('End the replay').click();
    await expect(sidebar.outcome).toBeVisible();
  });
});

test('a run in a new notebook opens it', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  const notebook = new OpenNotebook(page);
  const held = await lab.api<{ id: string }[]>('GET', 'organisms');
  for (const { id } of held) {
    await lab.api('DELETE', `organisms/${id}`);
  }
  await sidebar.start('quick');
  await test.step('before its organism is there, and takes no key away', async () => {
    const intro = notebook.panel.getByRole('heading', {
      name: /^Investigation/
    });
    await expect(intro).toBeVisible();
    await expect(notebook.panel.getByRole('status')).toContainText(
      'The organism is loading'
    );
    await expect(
      sidebar.region.getByRole('tab', { name: 'Investigation' })
    ).toBeFocused();
  });
  // What menus and the start form work on is the notebook that is seen.
  await expect(page.locator('.lm-TabBar-tab.jp-mod-current')).toHaveText(
    /^quick.*ipynb/
  );
  await expect(notebook.cell('texts: 2')).toBeVisible();
  await expect(
    notebook.panel.locator('.jp-MarkdownCell .jp-InputArea-editor:visible')
  ).toHaveCount(0);
  await expect(page.getByText('Mode: Edit')).toHaveCount(0);
  await expect(
    sidebar.region.getByRole('tab', { name: 'Investigation' })
  ).toBeFocused();
  await expect(sidebar.status).toHaveText('Finished');
  await sidebar.button('New run like this').click();
  await expect(sidebar.organism('quick')).toBeChecked();
});

test('the list says why a broken config cannot be started', async ({
  page,
  lab
}) => {
  const sidebar = await lab.open(page);
  await sidebar.go('Organisms');
  const broken = sidebar.organism('broken');
  await expect(broken).toContainText('unknown key model.nmae');
  await expect(broken).toBeDisabled();
  await broken.click({ force: true });
  await expect(broken).not.toBeChecked();

  await test.step('search', async () => {
    const search = sidebar.region.getByRole('searchbox');
    await search.fill('talk');
    await expect(sidebar.organism('talk')).toBeVisible();
    await expect(broken).toHaveCount(0);
    await search.fill('no such thing');
    await expect(sidebar.region).toContainText('No organism matches');
    await sidebar.button('Show all').click();
    await expect(broken).toBeVisible();
  });
});

test('it starts from the keyboard alone', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  await page.keyboard.press('Control+Shift+C');
  await page.keyboard.type('Start Investigation');
  await page.keyboard.press('Enter');
  await sidebar.organism('quick').focus();
  await page.keyboard.press('Space');
  await expect(sidebar.organism('quick')).toBeChecked();
  await page.keyboard.press('ArrowDown');
  await expect(sidebar.organism('quick')).not.toBeChecked();
  await page.keyboard.press('ArrowUp');
  await expect(sidebar.organism('quick')).toBeChecked();
  await sidebar.button('Start investigation').focus();
  await page.keyboard.press('Enter');
  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
});

test('a bundled organism and the playbook @real', async ({ page, lab }) => {
  test.setTimeout(300_000);
  const sidebar = await lab.open(page);
  const notebook = new OpenNotebook(page);
  await sidebar.go('Organisms');
  await sidebar.organism('amber').click();
  await sidebar.region.getByRole('combobox', { name: 'Agent' }).first().click();
  await sidebar.region.getByRole('option', { name: /Playbook/ }).click();
  await sidebar.button('Start investigation').click();
  await expect(notebook.marks.nth(3)).toBeAttached({ timeout: 240_000 });
  await sidebar.button('Stop').click();
  await expect(sidebar.status).toHaveText('Interrupted');
});
