import type { Schema } from '@cfworker/json-schema';
import { Validator } from '@cfworker/json-schema';
import { Error as ErrorsOnly, loader, logger, parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import type { TopLevelSpec } from 'vega-lite';
import { compile } from 'vega-lite';

import schema from '../generated/chart-schema.json';
import { Tooltip } from './tooltip';

interface IChart {
  readonly version: 1;
  /**
   * Vega-Lite with its data, of the few things that the schema allows.
   */
  readonly spec: object;
  /**
   * What a screen reader says.
   */
  readonly text: string;
}

export interface IDrawn {
  finalize(): void;
}

const validator = new Validator(schema as Schema, '7');

/**
 * How many rows a chart may have in all its panels and layers: each becomes a node of the page.
 */
const ROWS = 10_000;

/**
 * Whether this is a chart of the kind that the project makes. A chart may come from a kernel that nobody trusts, by ways
 * that pass no other check.
 */
export function isChart(value: unknown): value is IChart {
  return validator.validate(value).valid && rowsOf(value) <= ROWS;
}

/**
 * Rows below `value`, counted once for each place that holds them.
 */
function rowsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return Object.entries(value).reduce(
    (sum, [name, part]) =>
      sum + (name === 'values' ? (part as unknown[]).length : rowsOf(part)),
    0
  );
}

/**
 * Vega names a gradient by the page's whole address, and Lab changes that when another tab comes to the front.
 */
function keepLocal(host: Element): void {
  for (const name of ['fill', 'stroke']) {
    for (const element of host.querySelectorAll(`[${name}^="url"]`)) {
      const own = element.getAttribute(name)!.replace(/^url\([^#]+#/, 'url(#');
      if (own !== element.getAttribute(name)) {
        element.setAttribute(name, own);
      }
    }
  }
}

const refuse = (): Promise<never> =>
  Promise.reject(new Error('A chart loads nothing.'));

/**
 * Draws what is in the chart, and nothing that it only names. Expressions are interpreted: none becomes JavaScript.
 */
export async function draw(chart: IChart, host: HTMLElement): Promise<IDrawn> {
  const { spec } = compile(chart.spec as TopLevelSpec, {
    logger: logger(ErrorsOnly)
  });
  const tooltip = new Tooltip();
  const view = new View(parse(spec, undefined, { ast: true }), {
    container: host,
    expr: expressionInterpreter,
    loader: {
      ...loader(),
      load: refuse,
      sanitize: refuse,
      http: refuse,
      file: refuse
    },
    logLevel: ErrorsOnly,
    renderer: 'svg',
    tooltip: (_, event, _item, value) => tooltip.show(event, value)
  });
  const local = new MutationObserver(() => keepLocal(host));
  local.observe(host, {
    subtree: true,
    childList: true,
    attributeFilter: ['fill', 'stroke']
  });
  await view.runAsync();
  keepLocal(host);
  host.setAttribute('role', 'img');
  host.setAttribute('aria-label', chart.text);
  return {
    finalize: () => {
      tooltip.dispose();
      local.disconnect();
      view.finalize();
    }
  };
}
