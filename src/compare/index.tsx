import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { sentence } from '../components/context';
import { investigateIcon } from '../icons';
import { reduce } from '../reduce';
import { NOTHING } from '../state';
import type { IInvestigations } from '../tokens';
import { Beside } from './beside';
import type { IRow } from './rows';
import { Table } from './table';

interface ICompareProps {
  rows: Promise<IRow[]>;
  trans: TranslationBundle;
  /**
   * Show a run in the sidebar.
   */
  onOpen: (run: string) => void;
}

/**
 * Runs line by line and side by side, as a document of its own.
 */
export function compareWidget(
  runIds: readonly string[],
  investigations: IInvestigations,
  trans: TranslationBundle,
  onOpen: (run: string) => void
): MainAreaWidget {
  const rows = Promise.all(
    runIds.map(async id => {
      const entries = await investigations.history(id);
      const summary = investigations.runs.find(run => run.id === id)!;
      return { summary, state: reduce(NOTHING, entries) };
    })
  );
  const content = ReactWidget.create(<Compare {...{ rows, trans, onOpen }} />);
  content.addClass('ib-compare');
  const widget = new MainAreaWidget({ content });
  widget.title.label = trans.__('Compared runs');
  widget.title.icon = investigateIcon;
  return widget;
}

function Compare(props: ICompareProps): JSX.Element {
  const { trans, onOpen } = props;
  const [rows, setRows] = React.useState<IRow[] | null>(null);
  const [error, setError] = React.useState('');
  React.useEffect(() => {
    props.rows.then(setRows, (reason: unknown) => setError(sentence(reason)));
  }, [props.rows]);
  if (error || !rows) {
    return <p role="status">{error || trans.__('Loading…')}</p>;
  }
  return (
    <>
      <Table {...{ rows, trans, onOpen }} />
      <Beside {...{ rows, trans }} />
    </>
  );
}
