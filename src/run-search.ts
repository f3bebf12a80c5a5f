import type { RunSummary } from './generated/api';

/**
 * Whether all words of a query are somewhere in what a list knows of the run.
 */
export function found(run: RunSummary, query: string): boolean {
  const text = [
    run.id,
    run.forked_from ?? '',
    run.experiment,
    run.config,
    run.agent,
    run.status,
    run.verdict,
    run.notebook ?? '',
    run.message,
    ...run.claims
  ]
    .join('\n')
    .toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
