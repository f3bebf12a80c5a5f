import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import { incompatible, unreachable } from './compat';
import type { ServerInfo } from './generated/api';
import { API_VERSION, ApiError } from './request';

const trans = nullTranslator.load('');
const server = (api: number): ServerInfo =>
  ({ version: '9.9', api }) as ServerInfo;

test('two halves of different versions say which one to renew', () => {
  expect(incompatible(server(API_VERSION), trans)).toBeNull();
  expect(incompatible(server(API_VERSION - 1), trans)).toMatchObject({
    code: 'older',
    message: expect.stringContaining('Restart the Jupyter server') as string
  });
  expect(incompatible(server(API_VERSION + 1), trans)).toMatchObject({
    code: 'newer',
    message: expect.stringContaining('Reload the page') as string
  });
});

test.each([
  [new ApiError('http_404', 'not there', 404), 'missing'],
  [new ApiError('offline', 'no answer', 0), 'offline'],
  [new ApiError('busy', 'in use', 409), 'error'],
  [new Error('broken'), 'error']
])('%s is told as %s', (error, code) => {
  const problem = unreachable(error, trans);
  expect(problem.code).toBe(code);
  expect(problem.message).not.toBe('');
});
