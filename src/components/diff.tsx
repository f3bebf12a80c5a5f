import { diffLines } from 'diff';
import * as React from 'react';

import { useCellServices } from './context';

interface IDiffProps {
  before: string;
  after: string;
  label: string;
}

/**
 * Lines that are unchanged beside a change.
 */
const CONTEXT = 3;

interface ILine {
  readonly kind: 'added' | 'removed' | 'same' | 'gap';
  readonly text: string;
}

/**
 * What a change to a cell's code changes, line by line.
 */
export function Diff({ before, after, label }: IDiffProps): JSX.Element {
  const { trans } = useCellServices();
  const spoken = {
    added: trans.__('added'),
    removed: trans.__('removed'),
    same: '',
    gap: ''
  };
  const marks = { added: '+', removed: '\u2212', same: ' ', gap: '' };
  return (
    <pre className="ib-diff" role="group" aria-label={label}>
      {changes(before, after).map(({ kind, text }, index) => (
        <div key={index} className={`ib-diff-line ib-mod-${kind}`}>
          <span className="ib-diff-mark" aria-hidden>
            {marks[kind]}
          </span>
          {spoken[kind] && (
            <span className="ib-visually-hidden">{spoken[kind]} </span>
          )}
          <code>
            {kind === 'gap' ? trans.__('… %1 more lines', text) : text}
          </code>
        </div>
      ))}
    </pre>
  );
}

/**
 * The lines of both texts in order, long stretches that both have cut to what stands beside a change.
 */
export function changes(before: string, after: string): ILine[] {
  const parts = diffLines(ended(before), ended(after));
  return parts.flatMap((part, index) => {
    const kind = part.added ? 'added' : part.removed ? 'removed' : 'same';
    const lines = part.value.replace(/\n$/, '').split('\n');
    const head = index === 0 ? 0 : CONTEXT;
    const tail = index === parts.length - 1 ? 0 : CONTEXT;
    const left = lines.length - head - tail;
    const shown = lines.map((text): ILine => ({ kind, text }));
    const gap: ILine = { kind: 'gap', text: String(left) };
    return kind !== 'same' || left < 2 || parts.length === 1
      ? shown
      : [...shown.slice(0, head), gap, ...shown.slice(lines.length - tail)];
  });
}

/**
 * A missing line end is no change.
 */
function ended(text: string): string {
  return `${text.trimEnd()}\n`;
}
