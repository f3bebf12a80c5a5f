import { GroupItem, TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useFigures, useRun, useSignal } from './components/context';
import { investigateIcon } from './icons';
import type { IInvestigations, IRunModel } from './tokens';
import { statusWord } from './words';

/**
 * The current run in the status bar; following it shows the sidebar.
 */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly _investigations: IInvestigations,
    private readonly _trans: TranslationBundle,
    private readonly _onClick: () => void
  ) {
    super();
    this.addClass('ib-status-item');
  }

  protected render(): JSX.Element {
    return (
      <Current
        investigations={this._investigations}
        trans={this._trans}
        onClick={this._onClick}
      />
    );
  }
}

interface IProps {
  investigations: IInvestigations;
  trans: TranslationBundle;
  onClick: () => void;
}

function Current(props: IProps): JSX.Element | null {
  const { investigations } = props;
  const run = useSignal(
    investigations.currentChanged,
    () => investigations.current
  );
  return run && <Item {...props} run={run} />;
}

function Item(props: IProps & { run: IRunModel }): JSX.Element {
  const { run, trans, onClick } = props;
  const status = useRun(run, state => state.status);
  const waiting = useRun(run, state => state.waiting);
  const { steps } = useFigures(run);
  const { word } = statusWord({ status, waiting }, trans);
  const text = [
    run.summary.experiment,
    word,
    ...(status === 'running' && steps > 0 ? [trans.__('step %1', steps)] : [])
  ].join(' · ');
  return (
    <button
      type="button"
      className={`ib-status-button ${waiting === 'approval' ? 'ib-mod-asks' : ''}`}
      title={trans.__('Show the investigation')}
      onClick={onClick}
    >
      <GroupItem spacing={4}>
        <investigateIcon.react tag="span" stylesheet="statusBar" />
        <TextItem source={text} />
      </GroupItem>
    </button>
  );
}
