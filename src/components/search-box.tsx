import * as React from 'react';

import { useServices } from './context';

interface ISearchBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/**
 * Not jp-search, whose button to empty it has no name.
 */
export function SearchBox(props: ISearchBoxProps): JSX.Element {
  const { label, value, onChange } = props;
  const { trans } = useServices();
  return (
    <input
      type="search"
      className="ib-search"
      aria-label={label}
      placeholder={trans.__('%1…', label)}
      spellCheck={false}
      value={value}
      onChange={event => onChange(event.target.value)}
    />
  );
}
