import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

const PARTS = [
  '#interp-bench-sidebar',
  '.ib-status-item',
  '.ib-compare',
  '.ib-help',
  '.ib-Pending',
  '.ib-RunStrip',
  '.ib-FileNotice',
  '.ib-CellMark',
  '.ib-mod-reason .jp-RenderedHTMLCommon',
  '.ib-Chart',
  '.jp-Dialog-header, .jp-Dialog-body'
];

/** What axe finds wrong in these parts of the page, or else in all that Interp Bench puts on it, as one line each. */
export async function findings(
  page: Page,
  parts: readonly string[] = PARTS
): Promise<string[]> {
  // Lab's body has no height and hides what overflows, so that axe would take all text on the page to be hidden.
  await page.evaluate(() => {
    if (document.body.offsetHeight === 0) {
      document.body.style.height = '100vh';
    }
  });
  const { passes, violations } = await new AxeBuilder({ page })
    .include(parts.join())
    // Lab's own button says `aria-pressed` without a role.
    .exclude('.jp-ToolbarButtonComponent')
    .analyze();
  const readable = passes.find(({ id }) => id === 'color-contrast');
  const looked = readable && readable.nodes.length > 1;
  return [
    ...(looked ? [] : ['axe has seen no text']),
    ...violations.flatMap(({ id, nodes }) =>
      nodes.map(node => `${id}: ${node.html} ${node.failureSummary}`)
    )
  ];
}
