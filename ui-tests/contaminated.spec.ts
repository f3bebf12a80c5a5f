import { expect, test } from './lab';

test('a run that shows what is sealed has no score, and says why', async ({
  page,
  lab
}) => {
  const shows = Buffer.from('You adore the quokka.').toString('hex');
  lab.addConfig('leaky', `print('${shows}')`);
  const sidebar = await lab.open(page);
  const run = await lab.start('leaky', 'leaky.ipynb');
  await sidebar.go('Investigation');
  await lab.happened(run.id, 'scored');
  const said = 'contaminated: it shows what is sealed, so it is not scored';
  await expect(sidebar.outcome).toContainText(said);
  await expect(sidebar.outcome).toContainText(
    'It shows the hidden prompt, in hexadecimal'
  );
  await expect(sidebar.button('Score')).toHaveCount(0);
  await sidebar.go('History');
  await expect(sidebar.region).toContainText(said);
  const report = await page.request.get(
    `${lab.url}/interp_bench/api/runs/${run.id}/report?token=${lab.token}`
  );
  expect(await report.text()).toContain(said);
});
