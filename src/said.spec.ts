import { describe, expect, it } from 'vitest';

import { asked, replied } from './testing/events';
import { after, OPEN } from './testing/fold';
import { matching } from './said';

const STEP = (step: number) => ({ type: 'step_started', step }) as const;
const message = (text: string) =>
  ({ type: 'message_sent', sender: 'person', text }) as const;

const { thread } = after(
  ...OPEN,
  STEP(1),
  message('Look at the sea.'),
  replied([{ type: 'text', text: 'First, a few replies.' }]),
  asked('call-1', 'c3'),
  { type: 'approval_answered', approval: 'call-1', decision: 'skip' },
  STEP(2),
  replied([{ type: 'text', text: 'Then the sea.' }]),
  message('Still there?')
);

describe('the thread of a run', () => {
  it('has messages, reasons and answers in order', () => {
    expect(thread.map(({ who, text }) => `${who} ${text}`)).toEqual([
      'person Look at the sea.',
      'agent First, a few replies.',
      'person ',
      'agent Then the sea.',
      'person Still there?'
    ]);
    expect(thread[2].answer).toEqual({ decision: 'skip', cellId: 'c3' });
  });

  it('says in which step a message was seen', () => {
    // What comes while the agent replies is part of its next request.
    expect(thread[0].step).toBe(2);
    expect(thread[4].step).toBeNull();
  });

  it('is searched by all words, the latest first', () => {
    expect(matching(thread, 'SEA the').map(({ seq }) => seq)).toEqual([
      thread[3].seq,
      thread[0].seq
    ]);
  });
});
