import { Canary } from './canary';
import { expect, test } from './lab';
import { attempt, hooking, ran, Watched } from './redteam-attacks';
import { OpenNotebook } from './sidebar';

/** What an agent's kernel may do to a person who works beside it, whichever way its cells come to the notebook. */
export function besideARun(way: string): void {
  const how = { rtc: 'with collaboration', file: 'without collaboration' }[way];
  const said = `the agent's hook shows a script in a cell that the person runs, and the person trusts the notebook, ${how}`;

  test(`F4, F5: ${said}`, attempt(`F5${way}`, said), async ({ page, lab }) => {
    lab.addConfig('hook', hooking(ran('hooked')));
    await lab.makeNotebook('hook.ipynb', ['1 + 1']);
    const canary = await Canary.start();
    const watched = new Watched(page, canary);
    const sidebar = await lab.open(page, 'hook.ipynb');
    const notebook = new OpenNotebook(page);
    const own = notebook.cell('1 + 1');
    await expect(own).toBeVisible();
    await lab.start('hook', 'hook.ipynb', { approval: 'ask' });
    await sidebar.go('Investigation');
    const run = sidebar.approval.getByRole('button', {
      name: 'Run',
      exact: true
    });
    await expect(sidebar.approval).toContainText('post_run_cell');
    await run.click();
    await expect(sidebar.approval).toContainText('the second cell');

    await test.step('the person runs a cell', async () => {
      await notebook.editor(own).click();
      await page.keyboard.press('Shift+Enter');
      await expect(own).toContainText('2');
      await expect(own).toContainText('shown');
    });
    await test.step('the person trusts the notebook', async () => {
      await notebook.trust();
      await expect(page.getByText('so that it is not trusted')).toBeVisible();
    });
    await test.step('the agent goes on', async () => {
      await run.click();
      await expect(notebook.cell('the second cell')).toContainText('shown');
    });
    expect(await watched.happened('hooked')).toBe(false);

    await test.step('control: the same by the person alone', async () => {
      await lab.makeNotebook('alone.ipynb', [
        hooking(ran('hookedAlone')),
        '1 + 1'
      ]);
      await lab.open(page, 'alone.ipynb');
      await notebook.runAll();
      await expect.poll(() => watched.happened('hookedAlone')).toBe(true);
    });
    await canary.stop();
  });
}
