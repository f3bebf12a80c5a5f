import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';

import { Name, Told } from './told';

it('breaks the name of a technique at its underscores', () => {
  expect(renderToStaticMarkup(<Name of="high_temperature" />)).toBe(
    'high_<wbr/>temperature'
  );
  expect(renderToStaticMarkup(<Name of="chat" />)).toBe('chat');
});

it('shows what stands in backticks as code, and no markup', () => {
  expect(
    renderToStaticMarkup(<Told text="Run `modal token new`, then <b>." />)
  ).toBe('Run <code>modal token new</code>, then &lt;b&gt;.');
  expect(renderToStaticMarkup(<Told text="a ` alone" />)).toBe('a ` alone');
});
