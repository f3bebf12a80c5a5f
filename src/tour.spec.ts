import { expect, test } from 'vitest';

import { TestInvestigations } from './testing/investigations';
import { Places } from './places';
import { Tour } from './tour';

function tour(): [Tour, Places] {
  const places = new Places(new TestInvestigations().whole);
  return [new Tour(places), places];
}

test('the tour leads through the places and ends', () => {
  const [taken, places] = tour();
  const seen: string[] = [];
  for (taken.start(); taken.at !== null; taken.next()) {
    seen.push(places.where.place);
  }
  expect(seen).toEqual(['organisms', 'investigation', 'history']);
});

test('whoever goes elsewhere ends it', () => {
  const [taken, places] = tour();
  taken.start();
  places.choose('quick');
  expect(taken.at).toBe(0);
  places.go('history');
  expect(taken.at).toBeNull();
});
