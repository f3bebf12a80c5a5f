import { expect, test } from 'vitest';

import { progressOf } from './progress';

const shown = (text: string): Parameters<typeof progressOf>[0] => ({
  output_type: 'display_data',
  data: { 'text/plain': text },
  metadata: {}
});

test.each([
  ['logit_lens: layers 64 of 100 (64 %), 2 s', 'logit_lens 64 %'],
  ['sample: texts 1,024, 12 s', 'sample: texts'],
  ['chat: waits for the organism, 3 s', 'chat: waits for the organism'],
  ['Generations: 4 texts', null]
])('%s', (text, progress) => {
  expect(progressOf(shown(text))).toBe(progress);
});

test('a call that is done says nothing, and other outputs are none of it', () => {
  expect(progressOf({ output_type: 'display_data', data: {} })).toBe('');
  expect(progressOf({ output_type: 'stream', text: 'x: y, 1 s' })).toBeNull();
});
