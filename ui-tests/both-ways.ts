import type { Page } from '@playwright/test';

import { expect, type Lab, test } from './lab';
import { OpenNotebook } from './sidebar';

export const source = (number: number): string =>
  `print('cell number ${number}')`;

/** Put text at the end of a cell's editor. */
async function type(
  page: Page,
  notebook: OpenNotebook,
  cell: string,
  text: string
): Promise<void> {
  await notebook.editor(notebook.cell(cell)).first().click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(text);
}

export async function lastRun(lab: Lab): Promise<string> {
  return (await lab.runs())[0].id;
}

/** What holds of an open notebook whichever way the agent's cells come to it. */
export function bothWays(collaboration: boolean): void {
  test('the person edits beside the agent', async ({ page, lab }) => {
    await lab.makeNotebook('beside.ipynb', ['mine = 1', 'yours = 2']);
    const sidebar = await lab.open(page, 'beside.ipynb');
    const notebook = new OpenNotebook(page);
    await sidebar.start('listening');
    await expect(notebook.cell(source(0))).toBeVisible();
    await type(
      page,
      notebook,
      'mine = 1',
      ' + 41  # a long remark, typed slowly'
    );
    await expect(notebook.cell(source(2))).toBeVisible();
    await type(page, notebook, 'yours = 2', '\nprint(mine)');
    await sidebar.tell('the word is QUOKKA');
    await expect(sidebar.outcome).toContainText('I was told QUOKKA.');

    const edited = notebook.cell(
      'mine = 1 + 41  # a long remark, typed slowly'
    );
    await expect(edited).toHaveCount(1);
    await expect(notebook.cell('print(mine)')).toHaveCount(1);
    const written = (await lab.events(await lastRun(lab))).filter(
      ({ event }) =>
        event.type === 'cell_added' &&
        String(event.source).includes('cell number')
    );
    for (const { event } of written) {
      await expect(notebook.cell(event.source as string)).toHaveCount(1);
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+S');
    await expect
      .poll(() => lab.sources('beside.ipynb'))
      .toContain('yours = 2\nprint(mine)');
    const onDisk = lab.sources('beside.ipynb');
    expect(onDisk).toContain('mine = 1 + 41  # a long remark, typed slowly');
    for (const { event } of written) {
      expect(onDisk.filter(text => text === event.source)).toHaveLength(1);
    }
  });

  test("an edit of the agent's cell stays and makes evidence stale", async ({
    page,
    lab
  }) => {
    await lab.makeNotebook('stale.ipynb');
    const sidebar = await lab.open(page, 'stale.ipynb');
    const notebook = new OpenNotebook(page);
    await sidebar.start('talk');
    await expect(notebook.cell("print('first')")).toContainText('[');
    await type(page, notebook, "print('first')", '  # edited');
    await expect(sidebar.outcome).toContainText('It is the first', {
      timeout: 90_000
    });
    await expect(notebook.cell("print('first')  # edited")).toHaveCount(1);
    await expect(notebook.cell("print('second')")).toHaveCount(1);
    await expect(
      sidebar.outcome
        .getByRole('button', { name: 'Cell c3, edited since it ran for this' })
        .first()
    ).toBeVisible();
  });

  test('a notebook of an old format takes a run', async ({ page, lab }) => {
    const sidebar = await lab.open(page, 'old.ipynb');
    const notebook = new OpenNotebook(page);
    await sidebar.start('many');
    await expect(sidebar.outcome).toContainText('Nothing found', {
      timeout: 90_000
    });
    await expect(page.getByRole('dialog')).toHaveCount(0);
    for (const number of [1, 6, 12]) {
      await expect(notebook.cell(source(number))).toHaveCount(1);
    }
    await expect(notebook.cell('An old notebook')).toHaveCount(1);
    await expect
      .poll(() => lab.sources('old.ipynb').filter(text => text === source(12)))
      .toHaveLength(1);
    const written = lab.notebook('old.ipynb');
    expect(written.nbformat_minor).toBeGreaterThanOrEqual(5);
    const ids = written.cells.map((cell: { id: string }) => cell.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('taking control ends the run and keeps all cells', async ({
    page,
    lab
  }) => {
    await lab.makeNotebook('take.ipynb');
    const sidebar = await lab.open(page, 'take.ipynb');
    const notebook = new OpenNotebook(page);
    await sidebar.start('slow');
    const cell = notebook.cell('time.sleep(600)');
    await expect(cell).toContainText('begun');
    const strip = notebook.panel.getByRole('group', { name: 'Agent' });
    await expect(strip).toContainText(
      collaboration ? 'Agent · cell c3' : 'Agent is writing · cell c3'
    );
    await strip.getByRole('button', { name: 'Take control' }).click();
    await expect(sidebar.status).toHaveText('Interrupted');
    await expect(cell.getByRole('note')).toHaveAccessibleName(
      'Written by the agent, interrupted'
    );
    await expect(cell).toContainText('Stopped: the run was ended');
    await expect(cell).not.toContainText('Traceback');
    await expect(strip).toBeHidden();
  });
}
