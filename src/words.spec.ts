import { readFileSync } from 'node:fs';

import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import {
  APPROVALS,
  approvalName,
  connectionText,
  runVeilHelp,
  runVeilName,
  toolName
} from './words';

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

test('the settings say the approvals in the words of the form', () => {
  const { properties } = JSON.parse(
    readFileSync('schema/plugin.json', 'utf8')
  ) as { properties: { approval: { oneOf: { const: string }[] } } };
  const [asConfig, ...said] = properties.approval.oneOf;
  expect(asConfig.const).toBe('');
  expect(said).toEqual(
    APPROVALS.map(approval => ({
      const: approval,
      title: approvalName(approval, trans)
    }))
  );
});

test('the veil of a run says where its organism is, and what keeps its kernel', () => {
  expect(runVeilName('sandboxed', false, trans)).toBe('sandboxed');
  expect(runVeilName('sandboxed', true, trans)).toBe(
    'remote, kernel sandboxed'
  );
  const help = runVeilHelp('process', true, trans);
  expect(help).toContain('another machine');
  expect(help).not.toContain('could find it');
});
