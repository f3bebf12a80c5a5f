import { expect, test } from './lab';
import { OpenNotebook } from './sidebar';

test('a finished run is forked into a notebook of its own', async ({
  page,
  lab
}) => {
  await lab.makeNotebook('parent.ipynb');
  const sidebar = await lab.open(page, 'parent.ipynb');
  await sidebar.start('quick');
  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
  const [parent] = await lab.runs();
  // The last cell that the run writes says how it has ended.
  await expect
    .poll(() => lab.sources('parent.ipynb').at(-1))
    .toContain('is finished');
  const cells = lab.sources('parent.ipynb');

  await sidebar.button('Fork…').click();
  const form = sidebar.region.getByRole('form', { name: /^Fork after c/ });
  await form
    .getByRole('textbox', { name: /^Message to the agent of the fork/ })
    .fill('Look at other prompts.');
  await form.getByRole('button', { name: /^Fork after c/ }).click();

  const forkOfIt = async () =>
    (await lab.runs()).find(({ forked_from }) => forked_from === parent.id);
  await expect.poll(forkOfIt, { timeout: 60_000 }).toBeDefined();
  await expect(sidebar.status).toHaveText('Finished', { timeout: 60_000 });
  const fork = (await forkOfIt())!;
  const told = (await lab.events(fork.id)).map(({ event }) => event);
  expect(told).toContainEqual(
    expect.objectContaining({ type: 'run_forked', parent: parent.id })
  );
  expect(told).toContainEqual(
    expect.objectContaining({
      type: 'message_sent',
      text: 'Look at other prompts.'
    })
  );
  await expect(new OpenNotebook(page).cell('texts: 2')).toBeVisible();
  expect(lab.sources('parent.ipynb')).toEqual(cells);
});
