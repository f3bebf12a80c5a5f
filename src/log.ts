import type { TranslationBundle } from '@jupyterlab/translation';

import { modelName } from './choices';
import { cost, duration, number } from './format';
import type { ApprovalAnswered, Event } from './generated/events';
import {
  approvalName,
  budgetName,
  cellStatusName,
  findingsText,
  statusWord
} from './words';

export interface ILine {
  readonly text: string;
  readonly tone: 'plain' | 'warn' | 'bad' | 'person';
}

type Describe<T extends Event['type']> = (
  event: Extract<Event, { type: T }>,
  trans: TranslationBundle
) => ILine | null;

/**
 * An event as one line of the log; null for one that is not shown there.
 */
export function logLine(event: Event, trans: TranslationBundle): ILine | null {
  const describe = LINES[event.type] as Describe<Event['type']> | undefined;
  return describe ? describe(event, trans) : null;
}

function plain(text: string): ILine {
  return { text, tone: 'plain' };
}

/**
 * A person's answer to the agent's question whether a cell may run.
 */
export function answerText(
  decision: ApprovalAnswered['decision'],
  trans: TranslationBundle
): string {
  const words = {
    run: trans.__('You let the cell run.'),
    edit: trans.__('You changed the cell and let it run.'),
    skip: trans.__('You skipped the cell.'),
    run_all: trans.__('You let this and all later cells run.')
  };
  return words[decision];
}

function answered(event: ApprovalAnswered, trans: TranslationBundle): ILine {
  return { text: answerText(event.decision, trans), tone: 'person' };
}

const LINES: { [T in Event['type']]?: Describe<T> } = {
  run_started: (event, trans) =>
    plain(trans.__('Started: %1, seed %2.', event.agent, event.seed)),
  run_resumed: (_, trans) => plain(trans.__('Resumed.')),
  run_forked: (event, trans) =>
    plain(
      trans.__('Forked from run %1 after %2.', event.parent, event.cell_id)
    ),
  run_paused: (_, trans) => ({
    text: trans.__('Paused.'),
    tone: 'person'
  }),
  run_unpaused: (_, trans) => ({
    text: trans.__('Continued.'),
    tone: 'person'
  }),
  agent_changed: ({ model, approval }, trans) => ({
    text: [
      ...(model ? [trans.__('%1 goes on.', modelName(model))] : []),
      ...(approval
        ? [
            trans.__(
              'Cells that you approve: %1.',
              approvalName(approval, trans)
            )
          ]
        : [])
    ].join(' '),
    tone: 'person'
  }),
  organism_ready: (event, trans) =>
    plain(
      trans.__(
        'Organism ready on %1 after %2.',
        event.device,
        duration(event.load_s)
      )
    ),
  weights_identified: (event, trans) =>
    event.changed
      ? {
          text: trans.__(
            'The organism has other weights than in the run before it; the two are not compared.'
          ),
          tone: 'warn'
        }
      : null,
  organism_lost: (event, trans) => ({
    text: event.restarting
      ? trans.__('Organism lost (%1); it is started again.', event.reason)
      : trans.__('Organism lost: %1', event.reason),
    tone: 'bad'
  }),
  kernel_started: (event, trans) =>
    plain(
      event.restored_cells > 0
        ? trans._n(
            'Kernel started; %1 earlier cell ran again.',
            'Kernel started; %1 earlier cells ran again.',
            event.restored_cells
          )
        : trans.__('Kernel started.')
    ),
  kernel_died: (event, trans) => ({
    text: trans.__('Kernel died: %1', event.reason),
    tone: 'bad'
  }),
  cell_finished: (event, trans) => ({
    text: trans.__(
      'Cell %1: %2, %3.',
      event.cell_id,
      cellStatusName(event.status, trans),
      duration(event.duration_s)
    ),
    tone: event.status === 'ok' ? 'plain' : 'warn'
  }),
  approval_asked: (event, trans) => ({
    text: trans.__('The agent asks whether cell %1 may run.', event.cell_id),
    tone: 'warn'
  }),
  approval_answered: answered,
  message_sent: (event, trans) =>
    event.sender === 'person'
      ? { text: trans.__('You: %1', event.text), tone: 'person' }
      : plain(trans.__('To the agent: %1', event.text)),
  provider_waiting: (event, trans) => ({
    text: trans.__(
      'Waiting %1 for the provider: %2',
      duration(event.wait_s),
      event.reason
    ),
    tone: 'warn'
  }),
  provider_lacks: event => ({ text: event.text, tone: 'warn' }),
  hypothesis_noted: (event, trans) => {
    const words = {
      open: trans.__('Open: %1', event.claim),
      supported: trans.__('Supported: %1', event.claim),
      refuted: trans.__('Refuted: %1', event.claim)
    };
    return plain(words[event.status]);
  },
  context_edited: (event, trans) =>
    plain(
      event.kind === 'compacted'
        ? trans.__('The conversation so far was summed up.')
        : trans.__('Earlier outputs were left out of the conversation.')
    ),
  inputs_written: (event, trans) =>
    plain(
      trans.__(
        'An auxiliary model wrote %1 inputs: %2',
        event.inputs.length,
        event.hint
      )
    ),
  findings_refused: (event, trans) => ({
    text: trans.__('Findings sent back: %1', event.problems.join(' ')),
    tone: 'warn'
  }),
  findings_submitted: (event, trans) =>
    plain(`${findingsText(event.findings.length, trans)}.`),
  budget_used: (event, trans) => ({
    text: trans.__(
      '%1: %2 of %3 are used.',
      budgetName(event.budget),
      ...[event.used, event.limit].map(value =>
        event.unit === 'USD' ? cost(value) : number(value)
      )
    ),
    tone: 'warn'
  }),
  run_ended: (event, trans) => {
    const { word } = statusWord({ status: event.status, waiting: null }, trans);
    return {
      text: event.message ? `${word}: ${event.message}` : `${word}.`,
      tone: event.status === 'finished' ? 'plain' : 'bad'
    };
  },
  scored: (_, trans) => plain(trans.__('Scored.'))
};
