import type { BudgetMeter, RunFigures } from '../generated/api';

/**
 * Figures as a server sends them, of a run that has used nothing but what is said.
 */
export function figures(change: Partial<RunFigures> = {}): RunFigures {
  return {
    steps: 0,
    tokens: 0,
    cost_usd: 0,
    minutes: 0,
    organism_minutes: 0,
    failed_attempts: 0,
    resumes: 0,
    meters: [],
    ...change
  };
}

export function meter(
  budget: string,
  share: number | null,
  change: Partial<BudgetMeter> = {}
): BudgetMeter {
  return {
    budget,
    field: `max_${budget}`,
    unit: '',
    used: 40 * (share ?? 0),
    limit: share === null ? null : 40,
    share,
    used_text: String(40 * (share ?? 0)),
    limit_text: share === null ? '' : '40',
    ...change
  };
}
