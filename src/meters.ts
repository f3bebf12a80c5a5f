import type { BudgetMeter, RunFigures } from './generated/api';

/**
 * The meter of the budget that this field of the config's agent section limits.
 */
export function meterOf(
  figures: RunFigures,
  field: string
): BudgetMeter | undefined {
  return figures.meters.find(meter => meter.field === field);
}

/**
 * The meter that will end the run first; null without any limit.
 */
export function tightest(figures: RunFigures): BudgetMeter | null {
  return figures.meters.reduce<BudgetMeter | null>(
    (best, meter) =>
      meter.share !== null && meter.share > (best?.share ?? -1) ? meter : best,
    null
  );
}
