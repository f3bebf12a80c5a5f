import { expect, test } from 'vitest';

import type { Event } from './generated/events';
import { reduce } from './reduce';
import { NOTHING } from './state';
import {
  asked,
  journal,
  kernel,
  KERNEL,
  ranCell,
  READY,
  replied,
  started,
  waiting
} from './testing/events';
import { after, OPEN } from './testing/fold';

function output(data: object): Event {
  return {
    type: 'cell_output',
    cell_id: 'c1',
    index: 0,
    output: { output_type: 'display_data', data, metadata: {} }
  };
}

test('a start names the run', () => {
  const state = after(started());
  expect(state).toMatchObject({
    status: 'running',
    title: 'beekeeping-01',
    agent: 'playbook',
    seed: 7,
    phase: { kind: 'starting' }
  });
});

test('a fork keeps what its parent found, and begins with a step of its own', () => {
  const past: Event[] = [
    started(),
    { type: 'step_started', step: 1 },
    replied([{ type: 'text', text: 'A look.' }]),
    ...ranCell('c3'),
    {
      type: 'hypothesis_noted',
      claim: 'Bees',
      status: 'open',
      evidence: ['c3'],
      effect_size: null,
      n: null
    },
    { type: 'run_forked', parent: 'abcd0001', cell_id: 'c3' }
  ];
  const state = after(...past);
  expect(state.forkedFrom).toEqual({ run: 'abcd0001', cellId: 'c3' });
  expect(state.reply).toEqual(NOTHING.reply);
  expect(state.cells.map(({ id, status }) => [id, status])).toEqual([
    ['c3', 'ok']
  ]);
  expect(state.hypotheses).toHaveLength(1);
  expect(state.lastEnded).toBe('c3');
  const on = after(...past, READY, KERNEL, { type: 'step_started', step: 1 });
  expect(on.reply.step).toBe(1);
  expect(on.steps.map(({ number, lastEnded }) => [number, lastEnded])).toEqual([
    [1, 'c3'],
    [1, null]
  ]);
});

test("a kernel has the server's name for it, where the journal holds one", () => {
  expect(after(...OPEN, kernel('k1')).kernelId).toBe('k1');
  expect(after(...OPEN, kernel('k1'), KERNEL).kernelId).toBeNull();
  const older = JSON.parse(
    '{"type":"kernel_started","veil":"process"}'
  ) as Event;
  expect(after(...OPEN, older).kernelId).toBeNull();
});

test('a reply streams, then stands as it was sent', () => {
  const streaming = after(
    ...OPEN,
    { type: 'step_started', step: 1 },
    { type: 'agent_delta', kind: 'thinking', text: 'Hm' },
    { type: 'agent_delta', kind: 'text', text: 'Let us ' },
    { type: 'agent_delta', kind: 'text', text: 'look' }
  );
  expect(streaming.reply).toEqual({
    step: 1,
    thinking: 'Hm',
    text: 'Let us look',
    done: false
  });
  expect(streaming.phase.kind).toBe('thinking');
  const done = reduce(
    streaming,
    journal(
      [
        replied([
          { type: 'text', text: 'Let us look.' },
          { type: 'tool_use', id: 't1', name: 'run_cell', input: {} }
        ])
      ],
      { after: streaming.seq }
    )
  );
  expect(done.reply).toMatchObject({ text: 'Let us look.', done: true });
  expect(done.steps).toMatchObject([
    { number: 1, text: 'Let us look.', tools: ['run_cell'] }
  ]);
});

test('a reply that broke off begins again', () => {
  const state = after(
    ...OPEN,
    { type: 'step_started', step: 1 },
    { type: 'agent_delta', kind: 'text', text: 'Half a sen' },
    waiting(8)
  );
  expect(state.reply.text).toBe('');
  expect(state.phase).toEqual({
    kind: 'provider',
    wait: { reason: 'overloaded', until: 1013 }
  });
  const on = reduce(
    state,
    journal([{ type: 'agent_delta', kind: 'text', text: 'Half' }], {
      after: state.seq
    })
  );
  expect(on.reply.text).toBe('Half');
  expect(on.phase.kind).toBe('thinking');
});

test('a cell edited while it runs must run again', () => {
  const edited: Event = { type: 'cell_edited', cell_id: 'c1', source: 'y' };
  const [added, began, ended] = ranCell('c1');
  const running = after(...OPEN, added, began, edited);
  expect(running.cells[0]).toMatchObject({ status: 'running', source: 'y' });
  const done = after(...OPEN, added, began, edited, ended);
  expect(done.cells[0].status).toBeNull();
  const again = after(...OPEN, added, began, edited, ended, began, ended);
  expect(again.cells[0].status).toBe('ok');
});

test('cells are numbered, run, edited and belong to their step', () => {
  const state = after(
    ...OPEN,
    { type: 'step_started', step: 1 },
    ...ranCell('c1'),
    ...ranCell('c2', 'y', 'error'),
    { type: 'cell_edited', cell_id: 'c1', source: 'z' }
  );
  expect(state.cells).toMatchObject([
    { id: 'c1', number: 1, source: 'z', status: null },
    { id: 'c2', number: 2, status: 'error', durationS: 2 }
  ]);
  expect(state.steps[0].cells).toEqual(['c1', 'c2']);
  expect(state.runningCell).toBeNull();
});

test('a cell whose output changes after it has ended stands for nothing until it runs again', () => {
  const output = { output_type: 'stream', name: 'stdout', text: '48 of 48' };
  const changed = [
    ...OPEN,
    ...ranCell('c1'),
    ...ranCell('c2'),
    { type: 'cell_output', cell_id: 'c1', index: 0, output }
  ] satisfies Event[];
  expect(after(...changed).cells).toMatchObject([
    { id: 'c1', status: null, changedLate: true },
    { id: 'c2', status: 'ok', changedLate: false }
  ]);
  expect(
    after(...changed, { type: 'cell_started', cell_id: 'c1' }).cells[0]
  ).toMatchObject({ status: 'running', changedLate: false });
});

test('the running cell says how far its call is', () => {
  const running = [
    ...OPEN,
    { type: 'step_started', step: 1 },
    {
      type: 'cell_added',
      cell_id: 'c1',
      kind: 'code',
      source: 'x',
      reason: ''
    },
    { type: 'cell_started', cell_id: 'c1' }
  ] satisfies Event[];
  const line = 'logit_lens: layers 64 of 100 (64 %), 2 s';
  const shown = after(...running, output({ 'text/plain': line }));
  expect(shown.phase).toEqual({
    kind: 'cell',
    cellId: 'c1',
    progress: 'logit_lens 64 %'
  });
  const table = after(
    ...running,
    output({ 'text/plain': line }),
    output({ 'text/plain': 'a table' })
  );
  expect(table.progress).toBe('logit_lens 64 %');
  const gone = after(...running, output({ 'text/plain': line }), output({}));
  expect(gone.progress).toBe('');
  const waiting = after(
    ...running,
    output({ 'text/plain': 'sample: waiting for its turn, 3 s' })
  );
  expect(waiting.progress).toBe('sample: waiting for its turn');
});

test('an approval waits until it is answered, also across an interruption', () => {
  const open = [...OPEN, { type: 'step_started', step: 1 }, asked()] as Event[];
  const state = after(...open);
  expect(state.waiting).toBe('approval');
  expect(state.phase.kind).toBe('approval');
  const ended = after(...open, {
    type: 'run_ended',
    status: 'interrupted',
    message: 'stopped'
  });
  expect(ended.waiting).toBeNull();
  const resumed = after(
    ...open,
    { type: 'run_ended', status: 'interrupted', message: 'stopped' },
    { type: 'run_resumed' }
  );
  expect(resumed.waiting).toBe('approval');
  const answered = after(...open, {
    type: 'approval_answered',
    approval: 'call-1',
    decision: 'run',
    code: null
  });
  expect(answered.waiting).toBeNull();
  expect(answered.approval).toBeNull();
});

test('a hypothesis is one however often it is noted', () => {
  const noted = (status: 'open' | 'supported', evidence: string[]): Event => ({
    type: 'hypothesis_noted',
    claim: 'It likes bees',
    status,
    evidence,
    effect_size: 0.4,
    n: 20
  });
  expect(
    after(...OPEN, noted('open', ['c1']), noted('supported', ['c1', 'c2']))
      .hypotheses
  ).toEqual([
    {
      claim: 'It likes bees',
      status: 'supported',
      evidence: ['c1', 'c2'],
      effectSize: 0.4,
      n: 20
    }
  ]);
});

test('findings come with what they lack', () => {
  const finding = { claim: 'Bees', evidence: ['c1'], effect_size: 0.4, n: 20 };
  const submitted = {
    type: 'findings_submitted',
    findings: [{ ...finding, control: ['c2'] }],
    summary: '',
    problems: ['Finding 1: c2 did not end well.']
  } as Event;
  expect(after(...OPEN, submitted)).toMatchObject({
    findings: [{ control: ['c2'] }],
    problems: ['Finding 1: c2 did not end well.']
  });
  const early = { ...submitted, findings: [finding], problems: undefined };
  expect(after(...OPEN, early as unknown as Event)).toMatchObject({
    findings: [{ control: [] }],
    problems: []
  });
});

test('nothing found is not the same as nothing said', () => {
  expect(after(...OPEN).findings).toBeNull();
  expect(
    after(...OPEN, {
      type: 'findings_submitted',
      findings: [],
      summary: 'Noise.'
    })
  ).toMatchObject({ findings: [], summary: 'Noise.' });
});
