import { expect, test } from 'vitest';

import { meterOf, tightest } from './meters';
import { figures, meter } from './testing/figures';

test('the tightest budget is the one of which most is used', () => {
  const meters = [meter('steps', 0.5), meter('tokens', null), meter('cost', 1)];
  expect(tightest(figures({ meters }))?.budget).toBe('cost');
  expect(tightest(figures({ meters: [meter('steps', 0)] }))?.budget).toBe(
    'steps'
  );
  expect(tightest(figures({ meters: [meter('tokens', null)] }))).toBeNull();
});

test('a meter is found by the field that limits it', () => {
  const meters = [meter('steps', 0.5)];
  expect(meterOf(figures({ meters }), 'max_steps')).toBe(meters[0]);
  expect(meterOf(figures({ meters }), 'max_minutes')).toBeUndefined();
});
