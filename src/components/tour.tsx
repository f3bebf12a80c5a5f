import { Button } from '@jupyter/react-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Tour } from '../tour';
import { STOPS } from '../tour';
import { useServices, useSignal } from './context';

/**
 * What the tour says of the place that is shown.
 */
export function TourCard({ tour }: { tour: Tour }): JSX.Element | null {
  const { trans } = useServices();
  const at = useSignal(tour.changed, () => tour.at);
  if (at === null) {
    return null;
  }
  const last = at === STOPS.length - 1;
  return (
    <section className="ib-tour" aria-label={trans.__('Tour')}>
      <p className="ib-tour-at">
        {trans.__('Tour, %1 of %2', at + 1, STOPS.length)}
      </p>
      <p role="status">{textOf(at, trans)}</p>
      <div className="ib-buttons">
        <Button appearance="accent" onClick={() => tour.next()}>
          {last ? trans.__('Done') : trans.__('Next')}
        </Button>
        {!last && (
          <Button appearance="stealth" onClick={() => tour.end()}>
            {trans.__('End the tour')}
          </Button>
        )}
      </div>
    </section>
  );
}

function textOf(at: number, trans: TranslationBundle): string {
  switch (STOPS[at]) {
    case 'organisms':
      return trans.__(
        'Each organism is a language model with a planted secret. Choose one of those that run here and start: an agent looks for the secret, in a notebook, without seeing the model’s name or prompt.'
      );
    case 'investigation':
      return trans.__(
        'Here you follow it: what it does now and why, its hypotheses with links to their cells, its budget. Pause it, write to it, approve its cells, or take the notebook over.'
      );
    case 'history':
      return trans.__(
        'All runs are kept. Read a report, score it against the truth, replay it step by step, fork it from any cell, or tick several to compare them.'
      );
  }
}
