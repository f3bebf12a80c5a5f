import { expect, type Locator, type Page } from '@playwright/test';

/** The sidebar of Interp Bench as a person uses it. */
export class Sidebar {
  constructor(readonly page: Page) {
    this.region = page.getByRole('region', { name: 'Interp Bench' });
  }

  readonly region: Locator;

  /** Show the sidebar. */
  async show(): Promise<void> {
    const tab = this.page.getByRole('tab', {
      name: 'Interp Bench',
      exact: true
    });
    if ((await tab.getAttribute('aria-selected')) !== 'true') {
      await tab.click();
    }
    await expect(this.region).toBeVisible();
  }

  /** Go to one of its three places. */
  async go(place: 'Organisms' | 'Investigation' | 'History'): Promise<void> {
    await this.show();
    await this.region.getByRole('tab', { name: place }).click();
  }

  organism(name: string): Locator {
    return this.region
      .getByRole('radiogroup', { name: 'Organisms' })
      .getByRole('radio', { name: new RegExp(`^${name}`) });
  }

  button(name: string): Locator {
    return this.region.getByRole('button', { name, exact: true });
  }

  /** Choose an organism and start an investigation of it. */
  async start(name: string): Promise<void> {
    await this.go('Organisms');
    await this.organism(name).click();
    await this.button('Start investigation').click();
  }

  get status(): Locator {
    return this.region.locator('.ib-run-line .ib-status');
  }

  get outcome(): Locator {
    return this.region.getByRole('region', { name: 'Outcome' });
  }

  get now(): Locator {
    return this.region.getByRole('region', { name: 'Now' });
  }

  get approval(): Locator {
    return this.region.getByRole('region', { name: /^Approval of cell/ });
  }

  /** Send a message to the agent. */
  async tell(text: string): Promise<void> {
    const message = this.region.getByRole('textbox', {
      name: 'Message to the agent'
    });
    await message.fill(text);
    await message.press('Enter');
    await expect(message).toHaveValue('');
  }

  /** Open one of the sections below the fold, and give its rows, the latest first. */
  async rows(section: 'Steps' | 'Log'): Promise<Locator> {
    const toggle = this.region.getByRole('button', { name: section });
    if ((await toggle.getAttribute('aria-expanded')) !== 'true') {
      await toggle.click();
    }
    const body = await toggle.getAttribute('aria-controls');
    return this.region.locator(`[id="${body}"]`).getByRole('listitem');
  }
}

/** The notebook that is in front. */
export class OpenNotebook {
  constructor(readonly page: Page) {
    this.panel = page.locator('.jp-NotebookPanel:visible');
  }

  readonly panel: Locator;

  get cells(): Locator {
    return this.panel.locator('.jp-Cell');
  }

  cell(text: string): Locator {
    const content = '.jp-Cell-inputWrapper, .jp-Cell-outputWrapper';
    return this.cells.filter({
      has: this.page.locator(content, { hasText: text })
    });
  }

  /** The cell that waits for approval, where it would stand. */
  get pending(): Locator {
    return this.panel.getByRole('region', { name: /^Approval of cell/ });
  }

  /** The marks of the agent's cells. */
  get marks(): Locator {
    return this.panel.getByRole('note', { name: /^Written by the agent/ });
  }

  /** Run all cells, as the Run menu does, once the kernel is there. */
  async runAll(): Promise<void> {
    await expect(this.page.getByText(/^Python 3.* \| Idle$/)).toBeVisible();
    await this.page.evaluate(() => {
      (globalThis as any).jupyterapp.commands.execute('runmenu:run-all');
    });
  }

  /** Trust it, as the command and its dialog do. */
  async trust(): Promise<void> {
    // Lab saves it after that, and with collaboration may find that the file has changed.
    await this.page.addLocatorHandler(
      this.page.getByRole('dialog', { name: 'File Changed' }),
      dialog => dialog.getByRole('button', { name: 'Overwrite' }).click()
    );
    await this.page.evaluate(() => {
      (globalThis as any).jupyterapp.commands.execute('notebook:trust');
    });
    const dialog = this.page.getByRole('dialog');
    await dialog
      .getByRole('button', { name: /^(Confirm Trusting|Ok)/i })
      .click();
    await expect(dialog.getByText('Trust this notebook?')).toHaveCount(0);
  }

  get toolbar(): Locator {
    return this.panel.getByRole('toolbar').first();
  }

  editor(cell: Locator): Locator {
    return cell.locator('.jp-InputArea-editor').getByRole('textbox');
  }
}
