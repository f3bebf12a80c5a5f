import type { TranslationBundle } from '@jupyterlab/translation';

import { points } from './format';
import type { BudgetMeter, RunSummary, StartRun } from './generated/api';
import type { CellStatus, Phase, RunState } from './state';
import type { Connection } from './tokens';

/**
 * A run's state in one word, and the tone it is said in.
 */
export interface IStatusWord {
  readonly word: string;
  readonly tone: 'work' | 'wait' | 'good' | 'bad' | 'still';
}

export function statusWord(
  run: Pick<RunSummary, 'status' | 'waiting'>,
  trans: TranslationBundle
): IStatusWord {
  if (run.status === 'running') {
    switch (run.waiting) {
      case 'approval':
        return { word: trans.__('Waiting for you'), tone: 'wait' };
      case 'paused':
        return { word: trans.__('Paused'), tone: 'wait' };
      default:
        return { word: trans.__('Running'), tone: 'work' };
    }
  }
  switch (run.status) {
    case 'finished':
      return { word: trans.__('Finished'), tone: 'good' };
    case 'failed':
      return { word: trans.__('Failed'), tone: 'bad' };
    default:
      return { word: trans.__('Interrupted'), tone: 'still' };
  }
}

/**
 * What the run does at this moment, without what changes every second.
 */
export function phaseText(phase: Phase, trans: TranslationBundle): string {
  switch (phase.kind) {
    case 'cell':
      return trans.__('Running cell %1', phase.cellId);
    case 'restoring':
      return trans.__(
        'Running earlier cells again: %1 of %2',
        phase.done + 1,
        phase.total
      );
    default:
      return kindText(phase.kind, trans);
  }
}

function kindText(
  kind: Exclude<Phase['kind'], 'cell' | 'restoring'>,
  trans: TranslationBundle
): string {
  switch (kind) {
    case 'starting':
      return trans.__('Preparing the organism');
    case 'opening':
      return trans.__('Opening the notebook');
    case 'loading':
      return trans.__('Loading the organism');
    case 'thinking':
      return trans.__('The agent is thinking');
    case 'provider':
      return trans.__("Waiting for the agent's provider");
    case 'organism_lost':
      return trans.__('The organism was lost');
    case 'kernel_died':
      return trans.__('The kernel died');
    case 'approval':
      return trans.__('Waiting for your approval');
    case 'paused':
      return trans.__('Paused');
    case 'ended':
      return '';
  }
}

/**
 * The stages of loading an organism, in their order.
 */
export const STAGES = ['files', 'weights', 'self-check', 'seal'] as const;

export function stageName(stage: string, trans: TranslationBundle): string {
  switch (stage) {
    case 'files':
      return trans.__('Files');
    case 'weights':
      return trans.__('Weights');
    case 'self-check':
      return trans.__('Self-check');
    case 'seal':
      return trans.__('Seal');
    default:
      return stage;
  }
}

export function veilName(veil: string, trans: TranslationBundle): string {
  switch (veil) {
    case 'remote':
      return trans.__('remote');
    case 'sandboxed':
      return trans.__('sandboxed');
    case 'process':
      return trans.__('process only');
    default:
      return veil;
  }
}

/**
 * What a veil keeps from the agent's code.
 */
export function veilHelp(veil: string, trans: TranslationBundle): string {
  switch (veil) {
    case 'remote':
      return trans.__('The organism runs on another machine.');
    case 'sandboxed':
      return trans.__(
        "The agent's kernel has no network, no other processes and no files but the notebook's."
      );
    case 'process':
      return trans.__(
        "The organism runs in a process of its own, and the agent's kernel is not sandboxed: code that looks for the secret could find it."
      );
    default:
      return '';
  }
}

/**
 * The veil of a run, whose kernel has one of its own.
 */
export function runVeilName(
  kernel: string,
  remote: boolean,
  trans: TranslationBundle
): string {
  const name = veilName(kernel, trans);
  return remote ? trans.__('remote, kernel %1', name) : name;
}

export function runVeilHelp(
  kernel: string,
  remote: boolean,
  trans: TranslationBundle
): string {
  if (!remote) {
    return veilHelp(kernel, trans);
  }
  const code =
    kernel === 'sandboxed'
      ? veilHelp(kernel, trans)
      : trans.__("The agent's kernel is a plain process.");
  return `${veilHelp('remote', trans)} ${code}`;
}

/**
 * Where an organism runs.
 */
export function placeName(
  place: string,
  gpu: string | null,
  trans: TranslationBundle
): string {
  switch (place) {
    case 'local':
      return trans.__('local');
    case 'modal':
      return gpu ? `Modal ${gpu}` : 'Modal';
    default:
      return place;
  }
}

export const APPROVALS: readonly NonNullable<StartRun['approval']>[] = [
  'auto',
  'ask',
  'ask_first'
];

export function approvalName(
  approval: NonNullable<StartRun['approval']>,
  trans: TranslationBundle
): string {
  switch (approval) {
    case 'auto':
      return trans.__('Never');
    case 'ask':
      return trans.__('Every cell');
    case 'ask_first':
      return trans.__('The first cell');
  }
}

export function cellStatusName(
  status: CellStatus | 'running' | null,
  trans: TranslationBundle
): string {
  switch (status) {
    case null:
      return trans.__('not run');
    case 'running':
      return trans.__('running');
    case 'ok':
      return trans.__('ok');
    case 'error':
      return trans.__('error');
    case 'interrupted':
      return trans.__('interrupted');
    case 'timeout':
      return trans.__('out of time');
    case 'kernel_died':
      return trans.__('kernel died');
  }
}

/**
 * What the agent does with one of its tools, where it says nothing itself.
 */
export function toolName(tool: string, trans: TranslationBundle): string {
  switch (tool) {
    case 'run_cell':
      return trans.__('runs a cell');
    case 'edit_cell':
      return trans.__('edits a cell');
    case 'add_markdown':
      return trans.__('writes a note');
    case 'note_hypothesis':
      return trans.__('notes a hypothesis');
    case 'read_notebook':
      return trans.__('reads the notebook');
    case 'restart_kernel':
      return trans.__('restarts the kernel');
    case 'submit_findings':
      return trans.__('submits its findings');
    default:
      return tool.replaceAll('_', ' ');
  }
}

/**
 * A budget's name as the server says it, with a capital letter.
 */
export function budgetName(budget: string): string {
  return `${budget[0].toUpperCase()}${budget.slice(1)}`;
}

export function meterText(
  meter: BudgetMeter,
  trans: TranslationBundle
): string {
  return meter.limit_text
    ? trans.__('%1 of %2', meter.used_text, meter.limit_text)
    : meter.used_text;
}

export function findingsText(
  findings: number,
  trans: TranslationBundle
): string {
  return findings === 0
    ? trans.__('Nothing found')
    : trans._n('%1 finding', '%1 findings', findings);
}

/**
 * The difference between organism and control; empty where it was not measured.
 */
export function effectText(
  size: number | null,
  n: number | null,
  trans: TranslationBundle
): string {
  if (size === null) {
    return '';
  }
  return n === null
    ? trans.__('%1 points', points(size))
    : trans.__('%1 points, %2 samples', points(size), n);
}

export function connectionText(
  connection: Connection,
  trans: TranslationBundle
): string {
  switch (connection) {
    case 'offline':
      return trans.__(
        'Offline; reconnecting… If the server is up, the run goes on.'
      );
    case 'polling':
      return trans.__(
        'Something between here and the server cuts WebSockets; this view is updated every second instead.'
      );
    default:
      return '';
  }
}

/**
 * One sentence about the run, for those who cannot see it: it changes with the run's state, not with its tokens.
 */
export function announcement(
  run: RunSummary,
  state: RunState,
  trans: TranslationBundle
): string {
  if (state.status === 'running') {
    if (state.approval) {
      return trans.__(
        'The agent asks whether it may run cell %1.',
        state.approval.cell_id
      );
    }
    // From cell to cell and from thought to thought is work as usual.
    return ['cell', 'thinking'].includes(state.phase.kind)
      ? trans.__('%1 is running.', run.experiment)
      : `${phaseText(state.phase, trans)}.`;
  }
  const { word } = statusWord({ status: state.status, waiting: null }, trans);
  return state.findings
    ? `${word}. ${findingsText(state.findings.length, trans)}.`
    : `${word}. ${asSentence(state.endMessage)}`;
}

/**
 * Whether the agent of a run reads messages: a protocol and a recorded run go on as they would.
 */
export function readsMessages(run: RunSummary): boolean {
  return !['playbook', 'replay'].includes(run.agent.split(' ')[0]);
}

/**
 * A message as a sentence: with a capital letter and a full stop; empty where it is.
 */
export function asSentence(message: string): string {
  const text = message.trim();
  return text && `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}
