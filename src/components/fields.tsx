import { Select } from '@jupyter/react-components';
import * as React from 'react';

import type { ServerInfo } from '../generated/api';
import { lockIcon } from '../icons';
import { useServices } from './context';

/**
 * A row of a form.
 */
export function Field(props: {
  label: string;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div className="ib-field">
      <span className="ib-field-label">{props.label}</span>
      <div className="ib-field-control">{props.children}</div>
    </div>
  );
}

/**
 * A value that only the administrator can change.
 */
export function Locked({
  children
}: {
  children: React.ReactNode;
}): JSX.Element {
  const { trans } = useServices();
  const title = trans.__('Set by your administrator');
  return (
    <span className="ib-locked" title={title}>
      {children}
      <lockIcon.react tag="span" width="12px" height="12px" aria-hidden />
      <span className="ib-hidden">{title}</span>
    </span>
  );
}

/**
 * Why values are locked; nothing where none is.
 */
export function WhyLocked({ info }: { info: ServerInfo }): JSX.Element | null {
  const { trans } = useServices();
  if (Object.keys(info.locked).length === 0) {
    return null;
  }
  return (
    <p className="ib-hint ib-why-locked">
      <lockIcon.react tag="span" width="12px" height="12px" aria-hidden />
      <span>
        {trans.__('Set by your administrator.')} {info.locked_because}
      </span>
    </p>
  );
}

/**
 * One of several options.
 */
export function Choice(props: {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <Select
      className="ib-select"
      aria-label={props.label}
      value={props.value}
      onChange={event =>
        props.onChoose((event.target as HTMLSelectElement).value)
      }
    >
      {props.children}
    </Select>
  );
}

interface IAmountProps {
  label: string;
  unit: string;
  value: number | null;
  /**
   * Called with NaN while what is typed is not such a number.
   */
  onChange: (value: number | null) => void;
  whole?: boolean;
  from?: number;
  /**
   * What holds when nothing is typed.
   */
  usual?: number | null;
  /**
   * In words, where nothing is usual.
   */
  none?: string;
  /**
   * What the administrator has fixed; undefined where it is free.
   */
  locked?: number | null;
  /**
   * The largest value that the administrator allows.
   */
  most?: number;
}

/**
 * A number with its unit, or nothing.
 */
export function Amount(props: IAmountProps): JSX.Element {
  const { label, unit, value, onChange, whole, from, locked, most } = props;
  const usual = lowered(props.usual, most);
  const { trans } = useServices();
  const [text, setText] = React.useState(value === null ? '' : String(value));
  if (locked !== undefined) {
    return (
      <Locked>
        {locked ?? trans.__('no limit')} {unit}
      </Locked>
    );
  }
  const read = (typed: string): number | null =>
    parsed(typed, { whole, from, most });
  const limit =
    most === undefined
      ? undefined
      : trans.__('At most %1, set by your administrator', most);
  return (
    <label className="ib-amount">
      <input
        type="text"
        inputMode="decimal"
        className="jp-mod-styled ib-amount-input"
        aria-label={label}
        aria-invalid={Number.isNaN(read(text))}
        placeholder={String(usual ?? props.none ?? '–')}
        title={usual === null ? trans.__('No limit') : limit}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          onChange(read(target.value));
        }}
      />
      {unit && <span className="ib-amount-unit">{unit}</span>}
      {limit && (
        <span className="ib-amount-most" title={limit}>
          <lockIcon.react tag="span" width="12px" height="12px" aria-hidden />
          <span className="ib-hidden">{limit}</span>
        </span>
      )}
    </label>
  );
}

interface IRange {
  whole?: boolean;
  from?: number;
  most?: number;
}

/**
 * A positive number, or one of a range; null for nothing, NaN for anything else.
 */
function parsed(text: string, range: IRange): number | null {
  if (text.trim() === '') {
    return null;
  }
  const { whole = false, from, most = Infinity } = range;
  const value = Number(text.trim().replace(',', '.'));
  const large = from === undefined ? value > 0 : value >= from;
  const right = Number.isFinite(value) && large && value <= most;
  return right && (!whole || Number.isInteger(value)) ? value : NaN;
}

/**
 * What holds when nothing is typed, under the largest value that is allowed.
 */
function lowered(
  usual: number | null | undefined,
  most: number | undefined
): number | null | undefined {
  return most === undefined ? usual : Math.min(usual ?? most, most);
}
