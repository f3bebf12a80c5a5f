import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { agentName } from './choices';
import { sentence } from './components/context';
import { duration } from './format';
import type { RunSummary } from './generated/api';
import { investigateIcon } from './icons';
import { meterOf } from './meters';
import { reduce } from './reduce';
import type { RunState } from './state';
import { NOTHING } from './state';
import type { IInvestigations } from './tokens';
import { effectText, findingsText, statusWord } from './words';

interface IRow {
  readonly summary: RunSummary;
  readonly state: RunState;
}

/**
 * A table of runs side by side, as a document of its own.
 */
export function compareWidget(
  runIds: readonly string[],
  investigations: IInvestigations,
  trans: TranslationBundle
): MainAreaWidget {
  const rows = Promise.all(
    runIds.map(async id => {
      const entries = await investigations.history(id);
      const summary = investigations.runs.find(run => run.id === id)!;
      return { summary, state: reduce(NOTHING, entries) };
    })
  );
  const content = ReactWidget.create(<Compare rows={rows} trans={trans} />);
  content.addClass('ib-compare');
  const widget = new MainAreaWidget({ content });
  widget.title.label = trans.__('Compared runs');
  widget.title.icon = investigateIcon;
  return widget;
}

function Compare(props: {
  rows: Promise<IRow[]>;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [rows, setRows] = React.useState<IRow[] | null>(null);
  const [error, setError] = React.useState('');
  React.useEffect(() => {
    props.rows.then(setRows, (reason: unknown) => setError(sentence(reason)));
  }, [props.rows]);
  if (error || !rows) {
    return <p role="status">{error || trans.__('Loading…')}</p>;
  }
  const columns: [string, (row: IRow) => React.ReactNode][] = [
    [trans.__('Agent'), ({ summary }) => agentName(summary.agent, trans)],
    [trans.__('Seed'), ({ summary }) => summary.seed],
    [trans.__('Status'), ({ summary }) => statusWord(summary, trans).word],
    [
      trans.__('Findings, with their effects'),
      ({ state }) => <Findings {...{ state, trans }} />
    ],
    [trans.__('Verdict'), ({ summary }) => summary.verdict || '–'],
    [trans.__('Steps'), ({ summary }) => summary.figures.steps],
    [
      trans.__('Cost'),
      ({ summary }) => meterOf(summary.figures, 'max_cost_usd')?.used_text
    ],
    [trans.__('Time'), ({ summary }) => duration(summary.figures.minutes * 60)]
  ];
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{trans.__('Run')}</th>
          {columns.map(([title]) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <tr key={row.summary.id}>
            <th scope="row">
              {row.summary.experiment}
              <code>{row.summary.id}</code>
            </th>
            {columns.map(([title, show]) => (
              <td key={title}>{show(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Findings(props: {
  state: RunState;
  trans: TranslationBundle;
}): JSX.Element {
  const { findings } = props.state;
  if (!findings || findings.length === 0) {
    return <>{findings ? findingsText(0, props.trans) : '–'}</>;
  }
  return (
    <ul>
      {findings.map(({ claim, effect_size: size, n }) => (
        <li key={claim}>
          {claim} <span>{effectText(size, n, props.trans)}</span>
        </li>
      ))}
    </ul>
  );
}
