import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { ResumeRun } from '../generated/api';
import type { IRunModel, WithoutId } from '../tokens';
import { budgetName } from '../words';
import { useAction, useRun, useServices } from './context';
import { Amount, Field } from './fields';
import { ErrorLine } from './parts';

type Limit = Exclude<keyof WithoutId<ResumeRun>, symbol>;

/**
 * Budgets that can be raised for a resume.
 */
const LIMITS: { [budget: string]: { field: Limit; unit: string } } = {
  steps: { field: 'max_steps', unit: '' },
  cost: { field: 'max_cost_usd', unit: 'USD' },
  minutes: { field: 'max_minutes', unit: 'min' }
};

/**
 * Goes on with a run that ended early; a budget that is used up must be raised first.
 */
export function Resume({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const reached = useRun(run, state => state.reached);
  const action = useAction();
  const raised = reached.filter(budget => budget in LIMITS);
  const [limits, setLimits] = React.useState<{
    [budget: string]: number | null;
  }>(() => Object.fromEntries(raised.map(name => [name, more(run, name)])));
  const wrong = raised.some(budget => !limits[budget]);
  if (reached.length > raised.length) {
    return (
      <p className="ib-hint">
        {trans.__(
          'This budget can be raised in the config only, for another run.'
        )}
      </p>
    );
  }
  const body = Object.fromEntries(
    raised.map(budget => [LIMITS[budget].field, limits[budget]])
  ) as WithoutId<ResumeRun>;
  return (
    <div className="ib-resume">
      {raised.map(budget => (
        <Field key={budget} label={budgetName(budget, trans)}>
          <Amount
            label={trans.__('New limit')}
            unit={LIMITS[budget].unit}
            whole={budget === 'steps'}
            value={limits[budget]}
            onChange={value => setLimits({ ...limits, [budget]: value })}
          />
        </Field>
      ))}
      <Button
        appearance="accent"
        disabled={action.busy || wrong}
        onClick={() =>
          void action.run(() => investigations.resume(run.id, body))
        }
      >
        {action.busy ? trans.__('Resuming…') : trans.__('Resume')}
      </Button>
      <ErrorLine text={action.error} />
    </div>
  );
}

/**
 * Half as much again as the limit was.
 */
function more(run: IRunModel, budget: string): number {
  const limit = run.summary.limits[budget] ?? run.state.limits[budget] ?? 0;
  return budget === 'steps' ? Math.ceil(1.5 * limit) : 1.5 * limit;
}
