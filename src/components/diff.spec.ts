import { describe, expect, it } from 'vitest';

import { changes } from './diff';

function lines(before: string, after: string): string[] {
  return changes(before, after).map(({ kind, text }) => `${kind} ${text}`);
}

describe('what an edit changes', () => {
  it('is told line by line', () => {
    expect(lines('a\nb\nc', 'a\nB\nc\n')).toEqual([
      'same a',
      'removed b',
      'added B',
      'same c'
    ]);
  });

  it('leaves out what is far from a change', () => {
    const long = Array.from({ length: 20 }, (_, line) => `x${line}`);
    const after = ['first', ...long.slice(1)];
    expect(lines(long.join('\n'), after.join('\n'))).toEqual([
      'removed x0',
      'added first',
      'same x1',
      'same x2',
      'same x3',
      'gap 16'
    ]);
  });
});
