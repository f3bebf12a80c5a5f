import type { TranslationBundle } from '@jupyterlab/translation';

import { agentName } from '../choices';
import { duration } from '../format';
import { meterOf } from '../meters';
import { effectText, findingsText, statusWord } from '../words';
import type { IColumn, IRow } from './rows';

/**
 * What the table says of each run, beside its name.
 */
export function columnsOf(trans: TranslationBundle): IColumn[] {
  return [
    {
      title: trans.__('Agent'),
      value: ({ summary }) => agentName(summary.agent, trans)
    },
    { title: trans.__('Seed'), value: ({ summary }) => summary.seed },
    {
      title: trans.__('Status'),
      value: ({ summary }) => statusWord(summary, trans).word
    },
    {
      title: trans.__('Findings, with their effects'),
      value: row => findingsOf(row, trans).join('; ')
    },
    {
      title: trans.__('Verdict'),
      value: ({ summary }) => summary.verdict || '–'
    },
    { title: trans.__('Steps'), value: ({ summary }) => summary.figures.steps },
    {
      title: trans.__('Cost'),
      value: ({ summary }) =>
        meterOf(summary.figures, 'max_cost_usd')?.used_text ?? ''
    },
    {
      title: trans.__('Time'),
      value: ({ summary }) => duration(summary.figures.minutes * 60)
    }
  ];
}

/**
 * Each finding of a run in one line.
 */
export function findingsOf(
  { state }: IRow,
  trans: TranslationBundle
): string[] {
  const { findings } = state;
  if (!findings || findings.length === 0) {
    return [findings ? findingsText(0, trans) : '–'];
  }
  return findings.map(({ claim, effect_size: size, n }) => {
    const effect = effectText(size, n, trans);
    return effect ? `${claim} (${effect})` : claim;
  });
}
