import { expect, test } from 'vitest';

import {
  agentOfRun,
  agentsOf,
  effective,
  modelName,
  NO_CHOICES,
  reachOf,
  startBody
} from './choices';
import type { ConfigCard, ServerInfo } from './generated/api';
import type { IPreferences } from './tokens';

const INFO: ServerInfo = {
  version: '1.0.0',
  api: 2,
  providers: ['playbook', 'anthropic'],
  programs: [],
  default_provider: 'anthropic',
  models: ['claude-opus-5-5', 'claude-haiku-4-5'],
  collaboration: false,
  sandbox_problem: null,
  locked: {},
  locked_because: '',
  at_most: {}
};

const PREFERRED: IPreferences['values'] = {
  followAgent: true,
  notifications: true,
  agent: '',
  approval: '',
  maxSteps: null,
  maxCostUsd: null,
  maxMinutes: null
};

const CARD = {
  name: 'amber',
  agent: { provider: 'playbook', model: null, approval: 'ask_first' }
} as ConfigCard;

test('the nearer choice wins', () => {
  const shown = (choices = NO_CHOICES, preferred = PREFERRED, info = INFO) =>
    effective(choices, CARD, info, preferred);
  expect(shown()).toEqual({ agent: 'playbook', approval: 'ask_first' });
  const preferred = {
    ...PREFERRED,
    agent: 'claude-haiku-4-5',
    approval: 'ask' as const
  };
  expect(shown(NO_CHOICES, preferred)).toEqual({
    agent: 'claude-haiku-4-5',
    approval: 'ask'
  });
  const choices = { ...NO_CHOICES, agent: 'claude-opus-5-5' };
  expect(shown(choices, preferred).agent).toBe('claude-opus-5-5');
  const locked = { provider: 'playbook', approval: 'auto' };
  expect(shown(choices, preferred, { ...INFO, locked })).toEqual({
    agent: 'playbook',
    approval: 'auto'
  });
});

test('without a key a model is no choice', () => {
  const info: ServerInfo = {
    ...INFO,
    providers: ['playbook'],
    default_provider: 'playbook'
  };
  expect(agentsOf(info)).toEqual(['playbook']);
  const preferred = { ...PREFERRED, agent: 'claude-opus-5-5' };
  expect(effective(NO_CHOICES, null, info, preferred).agent).toBe('playbook');
});

test('a start says what was chosen, and nothing that is locked', () => {
  const choices = { ...NO_CHOICES, maxCostUsd: 1, seed: 3 };
  const shown = { agent: 'claude-opus-5-5', approval: 'ask' as const };
  expect(startBody('amber', 'a.ipynb', choices, shown, INFO)).toEqual({
    config: 'amber',
    notebook: 'a.ipynb',
    provider: 'anthropic',
    model: 'claude-opus-5-5',
    approval: 'ask',
    max_steps: null,
    max_cost_usd: 1,
    max_minutes: null,
    seed: 3
  });
  const locked = { provider: 'anthropic', max_cost_usd: 0.5 };
  const body = startBody('amber', null, choices, shown, { ...INFO, locked });
  expect(body).not.toHaveProperty('provider');
  expect(body).not.toHaveProperty('max_cost_usd');
});

test('a cost is no matter for the playbook', () => {
  const choices = { ...NO_CHOICES, maxCostUsd: 1 };
  const shown = { agent: 'playbook', approval: 'auto' as const };
  expect(startBody('amber', null, choices, shown, INFO)).toMatchObject({
    provider: 'playbook',
    model: null,
    max_cost_usd: null
  });
});

test('models have names', () => {
  expect(modelName('claude-opus-5-5')).toBe('Claude Opus 5.5');
  expect(modelName('claude-sonnet-5')).toBe('Claude Sonnet 5');
  expect(modelName('claude-haiku-4-5-20251001')).toBe('Claude Haiku 4.5');
  expect(modelName('some-other')).toBe('some-other');
  expect(agentOfRun('anthropic claude-opus-5-5')).toBe('claude-opus-5-5');
  expect(agentOfRun('playbook')).toBe('playbook');
});

test('a program is the agent under its own name, without a model', () => {
  const reach = 'Codex, its own tools switched off';
  const info: ServerInfo = {
    ...INFO,
    programs: [{ provider: 'codex', title: 'Codex', reach }]
  };
  expect(agentsOf(info).at(-1)).toBe('codex');
  expect(modelName('codex')).toBe('Codex');
  expect(reachOf('codex', info)).toBe(reach);
  expect(reachOf('claude-opus-5-5', info)).toBeUndefined();
  expect(agentOfRun('codex 0.171.0 gpt-5.5')).toBe('codex');
  const shown = { agent: 'codex', approval: 'auto' as const };
  const body = startBody('birch', null, NO_CHOICES, shown, info);
  expect(body).toMatchObject({ provider: 'codex', model: null });
});
