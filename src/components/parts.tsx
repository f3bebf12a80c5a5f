import type { LabIcon } from '@jupyterlab/ui-components';
import { Button, Progress } from '@jupyter/react-components';
import * as React from 'react';

import type { BudgetMeter } from '../generated/api';
import type { IRunModel } from '../tokens';
import type { IStatusWord } from '../words';
import { budgetName, meterText } from '../words';
import { useServices, useSignal } from './context';
import { Told } from './told';

interface INoticeProps {
  tone?: 'plain' | 'good' | 'warn' | 'bad';
  title: string;
  children?: React.ReactNode;
}

/**
 * A message in the place of what is not there.
 */
export function Notice(props: INoticeProps): JSX.Element {
  const { tone = 'plain', title, children } = props;
  return (
    <div className={`ib-notice ib-tone-${tone}`}>
      <p className="ib-notice-title">{title}</p>
      {children}
    </div>
  );
}

/**
 * Why a command was not carried out; read out at once.
 */
export function ErrorLine({ text }: { text: string }): JSX.Element {
  return (
    <div role="alert" className="ib-error-line" hidden={!text}>
      <Told text={text} />
    </div>
  );
}

interface IIconButtonProps {
  icon: LabIcon;
  label: string;
  disabled?: boolean;
  onClick: () => void;
}

/**
 * A button that is only a picture, with its name as tooltip and for screen readers.
 */
export function IconButton(props: IIconButtonProps): JSX.Element {
  const { icon: Icon, label, disabled, onClick } = props;
  return (
    <Button
      appearance="stealth"
      className="ib-icon-button"
      title={label}
      aria-label={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon.react tag={null} width="16px" height="16px" />
    </Button>
  );
}

/**
 * A run's state as a coloured dot and a word.
 */
export function Status({ word, tone }: IStatusWord): JSX.Element {
  return (
    <span className={`ib-status ib-tone-${tone}`}>
      <span className="ib-dot" aria-hidden />
      {word}
    </span>
  );
}

/**
 * A thin bar without a number.
 */
export function Bar(props: {
  value: number;
  label: string;
  tone?: string;
}): JSX.Element {
  const { value, label, tone = 'plain' } = props;
  return (
    <Progress
      className={`ib-bar ib-tone-${tone}`}
      min={0}
      max={100}
      value={Math.round(100 * Math.min(1, value))}
      aria-label={label}
    />
  );
}

export function meterTone({ share }: BudgetMeter): 'bad' | 'warn' | 'plain' {
  return share === null || share < 0.8 ? 'plain' : share < 1 ? 'warn' : 'bad';
}

/**
 * A budget's meter: its name, a bar, how much is used.
 */
export function Meter({ meter }: { meter: BudgetMeter }): JSX.Element {
  const { trans } = useServices();
  const name = budgetName(meter.budget);
  return (
    <div className="ib-meter">
      <span className="ib-meter-name">{name}</span>
      {meter.share === null ? (
        <span className="ib-meter-none">{trans.__('no limit')}</span>
      ) : (
        <Bar value={meter.share} tone={meterTone(meter)} label={name} />
      )}
      <span className="ib-meter-text">{meterText(meter, trans)}</span>
    </div>
  );
}

interface ICellLinkProps {
  run: IRunModel;
  cellId: string;
}

/**
 * A cell of the run; following it scrolls the notebook to the cell.
 */
export function CellLink({ run, cellId }: ICellLinkProps): JSX.Element {
  const { navigator, trans } = useServices();
  const stale = useSignal(navigator?.changed ?? run.changed, () =>
    navigator ? navigator.isStale(run, cellId) : false
  );
  const late = useSignal(run.changed, () =>
    run.state.cells.some(cell => cell.id === cellId && cell.changedLate)
  );
  if (!navigator) {
    return <code className="ib-cell-link">{cellId}</code>;
  }
  const title = stale
    ? late
      ? trans.__('Cell %1, whose output changed after it had ended', cellId)
      : trans.__('Cell %1, edited since it ran for this', cellId)
    : trans.__('Go to cell %1', cellId);
  return (
    <button
      type="button"
      className={`ib-cell-link ${stale ? 'ib-mod-stale' : ''}`}
      title={title}
      aria-label={title}
      onClick={() => void navigator.reveal(run, cellId)}
    >
      {cellId}
    </button>
  );
}

/**
 * Evidence cells, one link after the other.
 */
export function CellLinks(props: {
  run: IRunModel;
  cells: readonly string[];
}): JSX.Element {
  return (
    <span className="ib-cell-links">
      {props.cells.map(cellId => (
        <CellLink key={cellId} run={props.run} cellId={cellId} />
      ))}
    </span>
  );
}
