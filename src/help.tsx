import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { CommandRegistry as Registry } from '@lumino/commands';
import * as React from 'react';

import { CommandIDs } from './command-ids';
import { investigateIcon } from './icons';

const ID = 'interp-bench-help';

/**
 * Commands with keys, in the order in which they are shown.
 */
const KEYED = [
  CommandIDs.focus,
  CommandIDs.pause,
  CommandIDs.goToRunningCell,
  CommandIDs.approve,
  CommandIDs.skip
];

interface IHelpProps {
  commands: CommandRegistry;
  trans: TranslationBundle;
  onTour: () => void;
}

/**
 * What Interp Bench is and how it is used, as a document that needs no network.
 */
export function helpWidget(props: IHelpProps): MainAreaWidget {
  const content = ReactWidget.create(<Help {...props} />);
  content.addClass('ib-help');
  const widget = new MainAreaWidget({ content });
  widget.id = ID;
  widget.title.label = props.trans.__('Interp Bench Help');
  widget.title.icon = investigateIcon;
  return widget;
}

function Help({ commands, trans, onTour }: IHelpProps): JSX.Element {
  return (
    <article>
      <h1>{trans.__('Interp Bench')}</h1>
      <p>
        {trans.__(
          'An agent investigates a model organism: a language model with a planted secret. It works in a notebook, with techniques of interpretability, and never sees the model’s name, its weights’ place or its hidden prompt.'
        )}
      </p>
      <button
        type="button"
        className="jp-mod-styled jp-mod-accept"
        onClick={onTour}
      >
        {trans.__('Take the tour')}
      </button>
      <h2>{trans.__('In four steps')}</h2>
      <ol>
        {stepsOf(trans).map(([title, text]) => (
          <li key={title}>
            <strong>{title}</strong> {text}
          </li>
        ))}
      </ol>
      <h2>{trans.__('Words')}</h2>
      <Terms terms={wordsOf(trans)} />
      <h2>{trans.__('Keys')}</h2>
      <Terms
        terms={KEYED.map(id => [keysOf(commands, id), commands.label(id)])}
      />
      <p>
        {trans.__(
          'The settings editor changes them. All commands are in the palette under Interp Bench.'
        )}
      </p>
      <h2>{trans.__('Beside the sidebar')}</h2>
      <Terms terms={elsewhereOf(trans)} />
    </article>
  );
}

function Terms({ terms }: { terms: [string, string][] }): JSX.Element {
  return (
    <dl>
      {terms.map(([term, text]) => (
        <React.Fragment key={`${term} ${text}`}>
          <dt>{term}</dt>
          <dd>{text}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}

function keysOf(commands: CommandRegistry, id: string): string {
  const bound = commands.keyBindings.find(({ command }) => command === id);
  return bound ? Registry.formatKeystroke([...bound.keys]) : '–';
}

function stepsOf(trans: TranslationBundle): [string, string][] {
  return [
    [
      trans.__('Choose an organism.'),
      trans.__(
        'Those that run here stand first. Without an API key the playbook investigates: offline, by a fixed protocol.'
      )
    ],
    [
      trans.__('Start.'),
      trans.__(
        'Cells appear in the notebook as the agent writes and runs them. Approve them one by one if you like; model and approval can be changed while it runs.'
      )
    ],
    [
      trans.__('Follow.'),
      trans.__(
        'The sidebar shows what it does now, its hypotheses and what they rest on. The run belongs to the server: close the page and come back.'
      )
    ],
    [
      trans.__('Judge.'),
      trans.__(
        'Read the report, score the findings, and reveal the truth beside them. “Nothing found” is a result too.'
      )
    ]
  ];
}

function wordsOf(trans: TranslationBundle): [string, string][] {
  return [
    [
      trans.__('Organism'),
      trans.__('a model with a planted behaviour, known by a codename')
    ],
    [
      trans.__('Technique'),
      trans.__(
        'a way to ask or look into it: sampling, prefill, logit lens, steering'
      )
    ],
    [
      trans.__('Veil'),
      trans.__(
        'what keeps the agent’s code from the secret: another machine, a sandbox, or only another process'
      )
    ],
    [trans.__('Evidence'), trans.__('the cells that show a claim')],
    [
      trans.__('Control'),
      trans.__('the same asked of the base model, or of a neutral prompt')
    ],
    [
      trans.__('Null organism'),
      trans.__('one without a secret, on which an honest agent finds nothing')
    ]
  ];
}

function elsewhereOf(trans: TranslationBundle): [string, string][] {
  return [
    ['%interp', trans.__('in a cell: techniques by hand, with their help')],
    ['interp-bench --help', trans.__('in a terminal: the same without a page')],
    [
      'interp-bench mcp',
      trans.__('for your own client, which leads the run itself')
    ]
  ];
}
