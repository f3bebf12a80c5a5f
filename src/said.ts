import type { Draft } from './draft';
import type { EventEntry } from './generated/api';
import type { ISaid } from './state';

/**
 * Add to the thread of the run.
 */
export function say(
  draft: Draft,
  { seq, at }: EventEntry,
  said: Pick<ISaid, 'who'> & Partial<ISaid>
): void {
  draft.push('thread', {
    seq,
    at,
    text: '',
    step: null,
    answer: null,
    ...said
  });
}

/**
 * The agent's next request holds all that it was told until now.
 */
export function see(draft: Draft, step: number): void {
  draft.state.thread.forEach((said, index) => {
    if (said.who === 'person' && !said.answer && said.step === null) {
      draft.replace('thread', index, { ...said, step });
    }
  });
}

/**
 * Those that hold all words of `wanted`, the latest first.
 */
export function matching(
  thread: readonly ISaid[],
  wanted: string
): readonly ISaid[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return thread
    .filter(({ text }) => {
      const lower = text.toLowerCase();
      return words.every(word => lower.includes(word));
    })
    .reverse();
}
