import type { Page } from '@playwright/test';

import { expect, type Lab, test } from './lab';
import { OpenNotebook, type Sidebar } from './sidebar';

const source = (number: number): string => `print('cell number ${number}')`;

/** Each code cell that the agent has written is there once, in the page and on the disk, in the agent's order. */
async function eachOnce(
  lab: Lab,
  page: Page,
  path: string,
  run: string
): Promise<void> {
  const notebook = new OpenNotebook(page);
  const sources = (await lab.events(run))
    .filter(({ event }) => event.type === 'cell_added')
    .map(({ event }) => event.source as string)
    .filter(text => text.includes('cell number'));
  expect(sources.length).toBeGreaterThan(1);
  for (const text of sources) {
    await expect(notebook.cell(text)).toHaveCount(1);
  }
  const written = (): string[] =>
    lab.sources(path).filter(text => text.includes('cell number'));
  await expect.poll(written).toEqual(sources);
}

/** The log holds each event of the run that it tells of once. */
async function logIsWhole(
  lab: Lab,
  sidebar: Sidebar,
  run: string
): Promise<void> {
  const events = await lab.events(run);
  const finished = events.filter(({ event }) => event.type === 'cell_finished');
  const steps = events.filter(({ event }) => event.type === 'step_started');
  await expect(await sidebar.rows('Steps')).toHaveCount(
    new Set(steps.map(({ event }) => event.step)).size
  );
  const log = await sidebar.rows('Log');
  for (const id of new Set(finished.map(({ event }) => event.cell_id))) {
    const times = finished.filter(({ event }) => event.cell_id === id).length;
    await expect(
      log.filter({ hasText: new RegExp(`^[0-9:]+Cell ${id}:`) })
    ).toHaveCount(times);
  }
}

test('a reload in mid-stream loses and doubles nothing', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('reload.ipynb');
  const sidebar = await lab.open(page, 'reload.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.start('talk');
  const said = sidebar.region.getByRole('region', {
    name: 'What the agent says'
  });
  await expect(said).toContainText('word30 ');
  await page.reload();
  await lab.shown(page);
  await expect(said).toContainText('word60 ');
  const words = ((await said.textContent()) ?? '').match(/word\d+(?= )/g)!;
  expect(words).toEqual(words.map((_, number) => `word${number}`));

  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
  await expect(notebook.cell("print('first')")).toHaveCount(1);
  await expect(notebook.cell("print('second')")).toHaveCount(1);
  const [run] = await lab.runs();
  await logIsWhole(lab, sidebar, run.id);
});

test('a run goes on without a browser', async ({ context, lab }) => {
  await lab.makeNotebook('closed.ipynb');
  const first = await context.newPage();
  const sidebar = await lab.open(first, 'closed.ipynb');
  await sidebar.start('many');
  await expect(new OpenNotebook(first).cell(source(2))).toBeVisible();
  await first.close();
  const [run] = await lab.runs();
  expect(await lab.ended(run.id)).toBe('finished');

  const later = await context.newPage();
  const again = await lab.open(later, 'closed.ipynb');
  await eachOnce(lab, later, 'closed.ipynb', run.id);
  await again.go('History');
  await again.region.locator(`[data-run="${run.id}"]`).click();
  await expect(again.outcome).toContainText('Nothing found');
  await logIsWhole(lab, again, run.id);
});

test('two tabs show one run, and either holds it', async ({
  anotherBrowser,
  page,
  lab
}) => {
  await lab.makeNotebook('two.ipynb');
  const here = await lab.open(page, 'two.ipynb');
  const elsewhere = await anotherBrowser();
  const other = await elsewhere.newPage();
  const there = await lab.open(other, 'two.ipynb');
  await here.start('listening');
  await there.go('Investigation');
  await expect(new OpenNotebook(other).cell(source(1))).toBeVisible();
  await there.button('Pause').click();
  await expect(here.status).toHaveText('Paused');
  await here.button('Continue').click();
  await there.tell('the word is QUOKKA');
  await expect(there.outcome).toContainText('I was told QUOKKA.');
  await expect(here.outcome).toContainText('I was told QUOKKA.');
  const [run] = await lab.runs();
  await eachOnce(lab, page, 'two.ipynb', run.id);
  await eachOnce(lab, other, 'two.ipynb', run.id);
  await logIsWhole(lab, here, run.id);
  await logIsWhole(lab, there, run.id);
});

test('where a proxy cuts WebSockets, the run is polled', async ({
  page,
  lab
}) => {
  await page.routeWebSocket(/\/interp_bench\/api\/runs\/\w+\/stream/, socket =>
    socket.close()
  );
  await lab.makeNotebook('polled.ipynb');
  const sidebar = await lab.open(page, 'polled.ipynb');
  await sidebar.start('talk');
  await expect(sidebar.region).toContainText('cuts WebSockets');
  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
  await expect(sidebar.outcome).toContainText('It is the first');
  const [run] = await lab.runs();
  await logIsWhole(lab, sidebar, run.id);
});

test('after a crash of the server the run is resumed to its end', async ({
  page,
  lab
}) => {
  test.setTimeout(240_000);
  await lab.makeNotebook('crash.ipynb');
  const sidebar = await lab.open(page, 'crash.ipynb');
  const notebook = new OpenNotebook(page);
  await lab.expectTrouble(page);
  await sidebar.start('listening');
  await expect(notebook.cell(source(3))).toBeVisible();
  await lab.kill();
  await expect(sidebar.region).toContainText('Offline; reconnecting…');
  await expect(sidebar.region.getByText(/^Offline/)).toHaveCount(1);
  await lab.restart();
  await expect(sidebar.status).toHaveText('Interrupted', { timeout: 60_000 });
  await sidebar.button('Resume').click();
  await expect(sidebar.status).toHaveText('Running');
  await sidebar.tell('the word is QUOKKA');
  await expect(sidebar.outcome).toContainText('I was told QUOKKA.', {
    timeout: 60_000
  });
  const [run] = await lab.runs();
  await eachOnce(lab, page, 'crash.ipynb', run.id);
});
