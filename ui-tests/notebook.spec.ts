import { bothWays, lastRun, source } from './both-ways';
import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

bothWays(true);

test('the agent stays with its notebook while the person is elsewhere', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('its.ipynb');
  await lab.makeNotebook('other.ipynb', ['other = 1']);
  const sidebar = await lab.open(page, 'its.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.start('listening');
  await expect(notebook.cell(source(0))).toBeVisible();
  await page.getByRole('menuitem', { name: 'File', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Shift+F');
  await page.getByRole('listitem', { name: /other\.ipynb/ }).dblclick();
  await expect(notebook.cell('other = 1')).toBeVisible();
  await sidebar.show();
  const before = (await lab.events(await lastRun(lab))).filter(
    ({ event }) => event.type === 'cell_finished'
  ).length;
  await lab.happened(await lastRun(lab), 'cell_finished', before + 2);
  await expect(notebook.cell('other = 1')).toBeVisible();
  await expect(notebook.marks).toHaveCount(0);
  await sidebar.tell('the word is QUOKKA');
  await expect(sidebar.outcome).toContainText('I was told QUOKKA.');
  expect(lab.sources('other.ipynb')).toEqual(['other = 1']);
});

test('following ends when the person scrolls, and begins again', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('follow.ipynb');
  const sidebar = await lab.open(page, 'follow.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.start('listening');
  await expect(notebook.cell(source(1))).toBeInViewport();
  // A few cells are more than it shows.
  await page.setViewportSize({ width: 1360, height: 360 });
  await expect(notebook.cell(source(3))).toBeInViewport();
  await page.mouse.move(900, 250);
  await page.mouse.wheel(0, -4000);
  const follow = notebook.panel.getByRole('button', {
    name: "Scroll to the agent's cell",
    exact: true
  });
  await expect(follow).toBeVisible();
  await expect(notebook.cell(source(6))).toBeAttached();
  await expect(notebook.cell(source(6))).not.toBeInViewport();
  await follow.click();
  await expect(notebook.marks.last()).toBeInViewport();
});

test('one notebook takes one run', async ({ page, lab }) => {
  await lab.makeNotebook('one.ipynb');
  await lab.start('slow', 'one.ipynb');
  const second = await lab.start('many', 'one.ipynb').then(
    () => '',
    error => String(error)
  );
  expect(second).toContain('one.ipynb');
  expect(second).not.toContain('Traceback');
  const sidebar = await lab.open(page, 'one.ipynb');
  await sidebar.go('Organisms');
  await expect(sidebar.region).toContainText(
    'one.ipynb is under investigation already.'
  );
});

test('a notebook that is deleted in mid-run ends it with a sentence', async ({
  page,
  lab
}) => {
  const sidebar = await lab.open(page);
  const run = await lab.start('listening', 'deleted.ipynb');
  await sidebar.go('Investigation');
  await lab.happened(run.id, 'cell_finished', 2);
  await lab.request('DELETE', 'api/contents/deleted.ipynb');
  await expect(sidebar.region).toContainText(/notebook.*(deleted|not there)/i);
});

test('a notebook that is renamed in mid-run keeps its run', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('before.ipynb');
  const sidebar = await lab.open(page, 'before.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.start('listening');
  await expect(notebook.cell(source(1))).toBeVisible();
  await lab.request('PATCH', 'api/contents/before.ipynb', {
    path: 'after.ipynb'
  });
  const run = await lastRun(lab);
  const soFar = (await lab.events(run)).filter(
    ({ event }) => event.type === 'cell_finished'
  ).length;
  await lab.happened(run, 'cell_finished', soFar + 2);
  await sidebar.tell('the word is QUOKKA');
  await expect(sidebar.outcome).toContainText('I was told QUOKKA.');
  await expect
    .poll(() =>
      lab.sources('after.ipynb').filter(text => text === source(soFar - 1))
    )
    .toHaveLength(1);
});
