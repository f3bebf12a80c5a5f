import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type Browser,
  type BrowserContext,
  test as base,
  expect,
  type Page
} from '@playwright/test';

import { Sidebar } from './sidebar';

const python =
  process.env.INTERP_BENCH_PYTHON ?? join(__dirname, '..', '.venv/bin/python');

export interface LabOptions {
  /** What is served: `jupyterlab`, or `notebook` for Notebook 7. */
  application: 'jupyterlab' | 'notebook';
  /** Whether the shared document carries the notebook. */
  collaboration: boolean;
  /** Whether the server has a key for Claude. */
  key: boolean;
  /** Whether an administrator has fixed some choices. */
  locked: boolean;
  /** How many configs there are beside those of the scenarios. */
  organisms: number;
}

interface RunSummary {
  id: string;
  status: string;
  waiting: string | null;
  notebook: string;
}

interface EventEntry {
  seq: number;
  event: { type: string; [name: string]: unknown };
}

/** A JupyterLab of its own, see lab_server.py. */
export class Lab {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
    readonly token: string,
    readonly folder: string
  ) {}

  static async start(wanted: Partial<LabOptions> = {}): Promise<Lab> {
    const { collaboration = true, key = true } = wanted;
    const options = [
      `--application=${wanted.application ?? 'jupyterlab'}`,
      ...(collaboration ? [] : ['--no-collaboration']),
      ...(key ? [] : ['--no-key']),
      ...(wanted.locked ? ['--locked'] : []),
      `--organisms=${wanted.organisms ?? 0}`
    ];
    const child = spawn(
      python,
      [join(__dirname, 'lab_server.py'), ...options],
      {
        stdio: ['pipe', 'pipe', 'inherit']
      }
    );
    const lines = createInterface({ input: child.stdout! });
    const { value } = await lines[Symbol.asyncIterator]().next();
    if (value === undefined) {
      throw new Error('lab_server.py ended; why is said above');
    }
    const told = JSON.parse(value);
    const lab = new Lab(child, told.url, told.token, told.folder);
    await lab.answers();
    return lab;
  }

  /** End the server as a crash would. */
  async kill(): Promise<void> {
    this.process.stdin!.write('kill\n');
    await expect.poll(() => this.isUp()).toBe(false);
  }

  /** Start the server again, in the same folder and on the same port. */
  async restart(): Promise<void> {
    this.process.stdin!.write('start\n');
    await this.answers();
  }

  /** Kill the processes that hold organisms. */
  loseOrganisms(): void {
    this.process.stdin!.write('lose\n');
  }

  async stop(): Promise<void> {
    const ended = new Promise(resolve => this.process.once('exit', resolve));
    this.process.stdin!.end();
    await ended;
  }

  /** A request of the Jupyter server; returns the parsed reply. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await fetch(`${this.url}/${path}`, {
      method,
      headers: {
        Authorization: `token ${this.token}`,
        'Content-Type': 'application/json'
      },
      body: body === undefined ? undefined : JSON.stringify(body)
    });
    const text = await reply.text();
    if (!reply.ok) {
      throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    }
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** A REST call of the extension; returns the parsed reply. */
  api<T>(method: string, route: string, body?: unknown): Promise<T> {
    return this.request<T>(method, `interp_bench/api/${route}`, body);
  }

  /** Start an investigation beside the browser, in a notebook that is made when it is not there. */
  start(config: string, notebook: string, more = {}): Promise<RunSummary> {
    const body = { config, notebook, request_id: requestId(), ...more };
    return this.api<RunSummary>('POST', 'runs', body);
  }

  command(run: string, command: string, more = {}): Promise<RunSummary> {
    const body = { request_id: requestId(), ...more };
    return this.api<RunSummary>('POST', `runs/${run}/${command}`, body);
  }

  run(id: string): Promise<RunSummary> {
    return this.api<RunSummary>('GET', `runs/${id}`);
  }

  runs(): Promise<RunSummary[]> {
    return this.api<RunSummary[]>('GET', 'runs');
  }

  /** All events of a run so far. */
  events(run: string): Promise<EventEntry[]> {
    return this.api<EventEntry[]>('GET', `runs/${run}/events?after=0`);
  }

  /** Wait until a run has had `count` events of a type. */
  async happened(run: string, type: string, count = 1): Promise<void> {
    const seen = async (): Promise<number> =>
      (await this.events(run)).filter(({ event }) => event.type === type)
        .length;
    await expect.poll(seen).toBeGreaterThanOrEqual(count);
  }

  /** Wait until a run has ended; returns how. */
  async ended(run: string): Promise<string> {
    const status = async (): Promise<string> => (await this.run(run)).status;
    await expect.poll(status, { timeout: 60_000 }).not.toBe('running');
    return status();
  }

  /** End what earlier tests left running. */
  async calm(): Promise<void> {
    for (const { id, status } of await this.runs()) {
      if (status === 'running') {
        await this.command(id, 'stop');
        await this.ended(id);
      }
    }
  }

  /** Make a notebook with these cells, each the source of a code cell, and with something else in the last one. */
  async makeNotebook(
    path: string,
    cells: string[] = [],
    last: object = {}
  ): Promise<void> {
    const content = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {
        kernelspec: {
          name: 'python3',
          display_name: 'Python 3 (ipykernel)',
          language: 'python'
        }
      },
      cells: cells.map((source, number) => ({
        id: `own${number}`,
        cell_type: 'code',
        execution_count: null,
        metadata: {},
        outputs: [],
        source,
        ...(number === cells.length - 1 ? last : {})
      }))
    };
    const body = { type: 'notebook', format: 'json', content };
    await this.request('PUT', `api/contents/${path}`, body);
  }

  /** Make a config whose agent runs this code in its first cell. */
  addConfig(name: string, code: string): void {
    const configs = join(this.folder, 'root', 'configs');
    const encoded = Buffer.from(code).toString('base64');
    const config = readFileSync(join(configs, 'told.yaml'), 'utf-8')
      .replace('experiment_name: told', `experiment_name: ${name}`)
      .replace('(scenario: told)', `(scenario: told, code: ${encoded})`);
    writeFileSync(join(configs, `${name}.yaml`), config);
  }

  /** Choose the theme of pages that are opened from here on. */
  async setTheme(theme: string): Promise<void> {
    const plugin = '@jupyterlab/apputils-extension:themes';
    const raw = JSON.stringify({ theme });
    await this.request('PUT', `lab/api/settings/${plugin}`, { raw });
  }

  /** A notebook as it is on disk. */
  notebook(path: string): any {
    return JSON.parse(readFileSync(join(this.folder, 'root', path), 'utf-8'));
  }

  /** The cells of a notebook on disk, as text. */
  sources(path: string): string[] {
    return this.notebook(path).cells.map(
      (cell: { source: string | string[] }) => [cell.source].flat().join('')
    );
  }

  /** Open Lab, optionally with a notebook, and wait until it is ready. */
  async open(page: Page, path = ''): Promise<Sidebar> {
    const place = path ? `/lab/tree/${path}` : '/lab';
    await page.goto(`${this.url}${place}?token=${this.token}&reset`);
    return this.shown(page);
  }

  /** Close what Lab itself says about a lost server or a dead kernel, whenever it does. */
  async expectTrouble(page: Page): Promise<void> {
    const dialog = page.getByRole('dialog', {
      name: /^(Server Connection Error|Kernel Restarting)/
    });
    await page.addLocatorHandler(dialog, shown =>
      shown.getByRole('button').last().click()
    );
  }

  /** Wait until Lab is there, after a reload for example. */
  async shown(page: Page): Promise<Sidebar> {
    // The shared document asks that on a slow machine.
    await page.addLocatorHandler(
      page.getByRole('dialog', { name: /^Loading/ }),
      asked => asked.getByRole('button', { name: 'Continue waiting' }).click()
    );
    await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    await page
      .locator('.jp-LauncherCard:visible, .jp-Notebook:visible')
      .first()
      .waitFor();
    return new Sidebar(page);
  }

  private async isUp(): Promise<boolean> {
    return this.api('GET', '').then(
      () => true,
      () => false
    );
  }

  private async answers(): Promise<void> {
    await expect.poll(() => this.isUp(), { timeout: 90_000 }).toBe(true);
  }
}

function requestId(): string {
  return Math.random().toString(36).slice(2);
}

interface Tools {
  calm: void;
  /** Open a browser of its own: a page behind another one of the same browser is not drawn. */
  anotherBrowser: () => Promise<Browser>;
}

/** The context of a worker's tests, once the first of them has made it. */
interface Kept {
  context?: BrowserContext;
}

interface Shared {
  collaboration: boolean;
  kept: Kept;
  lab: Lab;
}

export const test = base.extend<Tools, Shared>({
  kept: [
    async ({ browser: _ }, use) => {
      const kept: Kept = {};
      await use(kept);
      await kept.context?.close();
    },
    { scope: 'worker' }
  ],
  // With a context of its own each test would compile JupyterLab again.
  context: async ({ browser, kept }, use) => {
    kept.context ??= await browser.newContext();
    await use(kept.context);
    await Promise.all(kept.context.pages().map(page => page.close()));
  },
  page: async ({ context }, use) => use(await context.newPage()),
  collaboration: [true, { option: true, scope: 'worker' }],
  lab: [
    async ({ collaboration }, use) => {
      const lab = await Lab.start({ collaboration });
      await use(lab);
      await lab.stop();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  anotherBrowser: async ({ playwright, launchOptions }, use) => {
    const opened: Browser[] = [];
    await use(async () => {
      const browser = await playwright.chromium.launch(launchOptions);
      opened.push(browser);
      return browser;
    });
    await Promise.all(opened.map(browser => browser.close()));
  },
  // No test finds the runs of the one before it at work.
  calm: [
    async ({ lab }, use) => {
      await use();
      await lab.calm();
    },
    { auto: true }
  ]
});

export { expect } from '@playwright/test';
