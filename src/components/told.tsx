import * as React from 'react';

/**
 * A name that a narrow line breaks after an underscore and nowhere else.
 */
export function Name({ of }: { of: string }): JSX.Element {
  const parts = of.split(/(?<=_)/);
  return (
    <>
      {parts.map((part, place) => (
        <React.Fragment key={place}>
          {place > 0 && <wbr />}
          {part}
        </React.Fragment>
      ))}
    </>
  );
}

/**
 * A sentence of the server's, in which what stands in backticks is code.
 */
export function Told({ text }: { text: string }): JSX.Element {
  return (
    <>
      {text
        .split(/`([^`]+)`/)
        .map((part, place) =>
          place % 2 === 1 ? <code key={place}>{part}</code> : part
        )}
    </>
  );
}
