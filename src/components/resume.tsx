import { Button } from '@jupyter/react-components';
import * as React from 'react';

import type { BudgetMeter, ResumeRun } from '../generated/api';
import type { IRunModel, WithoutId } from '../tokens';
import { budgetName } from '../words';
import { useAction, useRun, useServices } from './context';
import { Amount, Field } from './fields';
import { ErrorLine } from './parts';

type Limit = Exclude<keyof WithoutId<ResumeRun>, symbol>;

/**
 * Limits that can be raised for a resume.
 */
const LIMITS: readonly string[] = [
  'max_steps',
  'max_cost_usd',
  'max_minutes'
] satisfies Limit[];

/**
 * Goes on with a run that ended early; a budget that is used up must be raised first.
 */
export function Resume({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const reached = useRun(run, state => state.reached);
  const action = useAction();
  const raised = run.figures.meters.filter(
    ({ budget, field }) => reached.includes(budget) && LIMITS.includes(field)
  );
  const [limits, setLimits] = React.useState<{
    [field: string]: number | null;
  }>(() => Object.fromEntries(raised.map(meter => [meter.field, more(meter)])));
  const wrong = raised.some(({ field }) => !limits[field]);
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
    raised.map(({ field }) => [field, limits[field]])
  ) as WithoutId<ResumeRun>;
  return (
    <div className="ib-resume">
      {raised.map(({ budget, field, unit }) => (
        <Field key={field} label={budgetName(budget)}>
          <Amount
            label={trans.__('New limit')}
            unit={unit}
            whole={field === 'max_steps'}
            value={limits[field]}
            onChange={value => setLimits({ ...limits, [field]: value })}
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
function more({ field, limit }: BudgetMeter): number {
  const raised = 1.5 * (limit ?? 0);
  return field === 'max_steps' ? Math.ceil(raised) : raised;
}
