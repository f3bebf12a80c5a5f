import { expect, test } from 'vitest';

import {
  cost,
  duration,
  elapsed,
  fileName,
  listed,
  number,
  points
} from './format';

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

test.each([
  [-1, '0.0 s'],
  [0.44, '0.4 s'],
  [12.4, '12 s'],
  [59.6, '1 min 00 s'],
  [185, '3 min 05 s'],
  [7620, '2 h 07 min']
])('%d seconds are %s', (seconds, text) => {
  expect(plain(duration(seconds))).toBe(text);
});

test('a clock has no tenths and never runs ahead', () => {
  expect(plain(elapsed(0.9))).toBe('0 s');
  expect(plain(elapsed(59.9))).toBe('59 s');
  expect(plain(elapsed(60))).toBe('1 min 00 s');
});

test('a number and its unit stay on one line', () => {
  expect(duration(12)).toBe('12\u00a0s');
  expect(number(12400)).toBe('12\u202f400');
});

test('a line breaks between two facts, and none begins with a separator', () => {
  const breaks = listed(['step 3 of 40', '$0.02 of $2']).split(' ');
  expect(breaks.map(plain)).toEqual(['step 3 of 40 \u00b7', '$0.02 of $2']);
});

test('small sums can be told from nothing', () => {
  expect([0, 2, 0.5, 1.257, 0.0123].map(cost)).toEqual([
    '$0',
    '$2',
    '$0.50',
    '$1.26',
    '$0.0123'
  ]);
});

test('differences have a sign, files a last part', () => {
  expect([0.62, -0.5, 0].map(points)).toEqual(['+62', '\u221250', '+0']);
  expect([fileName('a/b.ipynb'), fileName('b')]).toEqual(['b.ipynb', 'b']);
});
