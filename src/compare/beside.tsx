import type { TranslationBundle } from '@jupyterlab/translation';
import { Option } from '@jupyter/react-components';
import * as React from 'react';

import { Choice } from '../components/fields';
import { findingsOf } from './columns';
import type { IPair, IRow } from './rows';
import { asTree, paired } from './rows';

/**
 * Two of the runs cell by cell: what both did is one line, where they part their code stands side by side.
 */
export function Beside(props: {
  rows: readonly IRow[];
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const rows = asTree(props.rows).map(({ row }) => row);
  const [chosen, setChosen] = React.useState([0, 1]);
  const [left, right] = chosen.map(at => rows[at]);
  return (
    <section aria-label={trans.__('Two runs side by side')}>
      <h2>{trans.__('Side by side')}</h2>
      <div className="ib-beside">
        {chosen.map((at, side) => (
          <div key={side} className="ib-beside-head">
            {rows.length === 2 ? (
              <strong>{nameOf(rows[at])}</strong>
            ) : (
              <Choice
                label={
                  [trans.__('Run on the left'), trans.__('Run on the right')][
                    side
                  ]
                }
                value={String(at)}
                onChoose={value =>
                  setChosen(before =>
                    before.map((old, own) =>
                      own === side ? Number(value) : old
                    )
                  )
                }
              >
                {rows.map((row, index) => (
                  <Option key={row.summary.id} value={String(index)}>
                    {nameOf(row)}
                  </Option>
                ))}
              </Choice>
            )}
          </div>
        ))}
        {paired(left.state, right.state).map(pair => (
          <Pair key={pair.id} pair={pair} trans={trans} />
        ))}
        {[left, right].map((row, side) => (
          <div key={side} className="ib-beside-end">
            <h3>{trans.__('Findings')}</h3>
            <ul>
              {findingsOf(row, trans).map(finding => (
                <li key={finding}>{finding}</li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </section>
  );
}

function Pair(props: { pair: IPair; trans: TranslationBundle }): JSX.Element {
  const { pair, trans } = props;
  const { id, left, right } = pair;
  if (left === right) {
    return (
      <details className="ib-beside-same">
        <summary>{trans.__('%1: the same code in both', id)}</summary>
        <pre>{left}</pre>
      </details>
    );
  }
  return (
    <>
      {[left, right].map((code, side) => (
        <div key={side} className="ib-beside-cell">
          <span>{id}</span>
          {code === null ? (
            <p className="ib-hint">{trans.__('no such cell')}</p>
          ) : (
            <pre tabIndex={0} aria-label={trans.__('Code of cell %1', id)}>
              {code}
            </pre>
          )}
        </div>
      ))}
    </>
  );
}

function nameOf({ summary }: IRow): string {
  return `${summary.experiment} ${summary.id}`;
}
