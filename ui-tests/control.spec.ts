import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

test('stopping in mid-cell interrupts it and leaves a usable kernel', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('stop.ipynb', ['print(6 * 7)']);
  const sidebar = await lab.open(page, 'stop.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.start('slow');
  const cell = notebook.cell('time.sleep(600)');
  await expect(cell).toContainText('begun');
  await expect(cell.getByRole('note')).toHaveAccessibleName(
    'Written by the agent, running'
  );
  await expect(sidebar.now).toContainText('Running cell');

  await test.step('Escape does not stop it', async () => {
    await sidebar.now.click();
    await page.keyboard.press('Escape');
    await expect(sidebar.status).toHaveText('Running');
  });

  await sidebar.button('Stop').click();
  await expect(cell.getByRole('note')).toHaveAccessibleName(
    'Written by the agent, interrupted',
    { timeout: 10_000 }
  );
  await expect(sidebar.status).toHaveText('Interrupted');
  await expect(sidebar.button('Resume')).toBeVisible();

  const own = notebook.cell('print(6 * 7)');
  // What is run while the notebook's fresh kernel comes is lost with the old one.
  await expect(async () => {
    await notebook.editor(own).click();
    await page.keyboard.press('Shift+Enter');
    const output = own.locator('.jp-OutputArea-output');
    await expect(output).toHaveText('42', { timeout: 3000 });
  }).toPass();
});

test('a paused run does nothing until it goes on', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  const run = await lab.start('many', 'pause.ipynb');
  await sidebar.go('Investigation');
  await lab.happened(run.id, 'cell_finished', 3);
  await sidebar.button('Pause').click();
  await expect(sidebar.status).toHaveText('Paused');
  await expect(sidebar.now).toContainText('Paused');
  await lab.happened(run.id, 'run_paused');
  await sidebar.button('Continue').click();
  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });

  const types = (await lab.events(run.id)).map(({ event }) => event.type);
  const meantime = types.slice(
    types.indexOf('run_paused'),
    types.indexOf('run_unpaused')
  );
  expect(meantime.length).toBeGreaterThan(0);
  expect(meantime).not.toContain('step_started');
});

test('each cell waits for an answer', async ({ page, lab }) => {
  await lab.makeNotebook('ask.ipynb');
  const sidebar = await lab.open(page, 'ask.ipynb');
  const notebook = new OpenNotebook(page);
  await sidebar.go('Organisms');
  await sidebar.organism('many').click();
  await sidebar.region
    .getByRole('combobox', { name: "Which of the agent's cells you approve" })
    .click();
  await sidebar.region.getByRole('option', { name: 'Every cell' }).click();
  await sidebar.button('Start investigation').click();
  const { approval } = sidebar;
  const source = (number: number) => `print('cell number ${number}')`;

  await test.step('run', async () => {
    await expect(approval).toContainText(source(1));
    await expect(sidebar.status).toHaveText('Waiting for you');
    await expect(notebook.cell(source(1))).toHaveCount(0);
    await approval.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(notebook.cell(source(1))).toContainText('[');
  });

  await test.step('Enter on the card runs', async () => {
    await expect(approval).toContainText(source(2));
    // The same question stands in the notebook, in the cell's place.
    await expect(notebook.pending).toContainText(source(2));
    await notebook.pending.focus();
    await page.keyboard.press('Enter');
    await expect(notebook.cell(source(2))).toHaveCount(1);
  });

  await test.step('skip', async () => {
    await expect(approval).toContainText(source(3));
    await approval.getByRole('button', { name: 'Skip' }).click();
    await expect(approval).toContainText(source(4));
    await expect(notebook.cell(source(3))).toHaveCount(0);
  });

  await test.step('edit', async () => {
    await approval.getByRole('button', { name: 'Edit' }).click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('print("the edited one")');
    await approval.getByRole('button', { name: 'Run edited' }).click();
    await expect(notebook.cell('print("the edited one")')).toHaveCount(1);
    await expect(notebook.cell(source(4))).toHaveCount(0);
  });

  await test.step('a reload keeps the question', async () => {
    await expect(approval).toContainText(source(5));
    await page.reload();
    await lab.shown(page);
    await sidebar.show();
    await expect(approval).toContainText(source(5));
  });

  await test.step('run all from now', async () => {
    await approval.getByRole('button', { name: 'Run all from now' }).click();
    await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
    await expect(notebook.cell(source(12))).toHaveCount(1);
    await expect(notebook.cell(source(5))).toHaveCount(1);
  });
});

test('model and approval are changed in mid-run', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  const run = await lab.start('listening', 'changed.ipynb');
  await sidebar.go('Investigation');
  await lab.happened(run.id, 'cell_finished', 2);
  const choose = async (what: string, option: RegExp): Promise<void> => {
    await sidebar.region.getByRole('combobox', { name: what }).click();
    await sidebar.region.getByRole('option', { name: option }).click();
  };
  await choose('Cells that you approve from here on', /Every cell/);
  await expect(sidebar.approval).toBeVisible();
  await choose('Model from the next reply on', /Haiku 4\.5/);
  await lab.happened(run.id, 'agent_changed', 2);
  await sidebar.approval
    .getByRole('button', { name: 'Run all from now' })
    .click();
  await sidebar.tell('the word is QUOKKA');
  await expect(sidebar.outcome).toContainText('I was told QUOKKA.');
  const { agent } = (await lab.run(run.id)) as unknown as { agent: string };
  expect(agent).toBe('anthropic claude-opus-5-5, then claude-haiku-4-5');
});

test('a message reaches the agent', async ({ page, lab }) => {
  const sidebar = await lab.open(page);
  const run = await lab.start('listening', 'message.ipynb');
  await sidebar.go('Investigation');
  await lab.happened(run.id, 'cell_finished', 2);
  await sidebar.tell('the word is QUOKKA');
  await expect(sidebar.outcome).toContainText('I was told QUOKKA.');
  await (
    await sidebar.rows('Log')
  )
    .filter({ hasText: 'the word is QUOKKA' })
    .waitFor();
});

test('the toolbar holds the run, and a question is announced', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('strip.ipynb');
  const sidebar = await lab.open(page, 'strip.ipynb');
  const notebook = new OpenNotebook(page);
  await lab.start('slow', 'strip.ipynb', { approval: 'ask' });
  const notice = page.getByText('the agent asks whether it may run a cell');
  await expect(notice.first()).toBeVisible();
  await page.getByRole('button', { name: 'Show', exact: true }).first().click();
  await sidebar.approval
    .getByRole('button', { name: 'Run', exact: true })
    .click();
  await expect(notice).toHaveCount(0);
  const strip = notebook.panel.getByRole('group', { name: 'Agent' });
  await expect(strip).toContainText('cell c3');
  await strip.getByRole('button', { name: 'Take control' }).click();
  await expect(sidebar.status).toHaveText('Interrupted');
  await expect(strip).toBeHidden();
});

test('a start that may cost much on Modal is asked about first', async ({
  page,
  lab
}) => {
  const sidebar = await lab.open(page);
  const before = (await lab.runs()).length;
  await sidebar.start('elder');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(
    /A100-80GB:2: .* more than model\.modal\.confirm_above_usd/
  );
  const cancel = dialog.getByRole('button', { name: 'Cancel' });
  await expect(cancel).toBeFocused();
  await cancel.click();
  await expect(sidebar.region).toContainText('Not started.');
  expect((await lab.runs()).length).toBe(before);
});
