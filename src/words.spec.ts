import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import { connectionText, toolName } from './words';

const trans = nullTranslator.load('');

test('offline, nothing is promised of a server that may be down', () => {
  expect(connectionText('offline', trans)).toContain(
    'If the server is up, the run goes on.'
  );
});

test('steps are told in words, not by the names of tools', () => {
  const tools = ['submit_findings', 'add_markdown', 'note_hypothesis'];
  for (const tool of [...tools, 'run_cell', 'a_tool_to_come']) {
    expect(toolName(tool, trans)).toMatch(/^[a-z]+( [a-z]+)+$/);
  }
});
