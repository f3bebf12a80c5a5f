import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  AgentSection,
  ConfigCard,
  ForkRun,
  ServerInfo,
  StartRun
} from './generated/api';
import type { IPreferences, WithoutId } from './tokens';

export const PLAYBOOK = 'playbook';

/**
 * A person's own programs that can be the agent, by the names that configs use.
 */
const PROGRAMS: Readonly<Record<string, string>> = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  gemini: 'Gemini CLI'
};

type Approval = NonNullable<StartRun['approval']>;

/**
 * What a person has chosen in the form, null where nothing: then it is as the config, or the administrator, has it.
 */
export interface IChoices {
  /**
   * `playbook`, the name of a program, or of a model.
   */
  readonly agent: string | null;
  readonly approval: Approval | null;
  readonly maxSteps: number | null;
  readonly maxCostUsd: number | null;
  readonly maxMinutes: number | null;
  readonly seed: number | null;
}

export const NO_CHOICES: IChoices = {
  agent: null,
  approval: null,
  maxSteps: null,
  maxCostUsd: null,
  maxMinutes: null,
  seed: null
};

/**
 * The agents that can be chosen, the playbook first.
 */
export function agentsOf(info: ServerInfo): string[] {
  return [
    ...(info.providers.includes('playbook') ? [PLAYBOOK] : []),
    ...(info.providers.includes('anthropic') ? info.models : []),
    ...info.programs.map(program => program.provider)
  ];
}

/**
 * What an agent can reach beside the run's tools, in words; undefined for one that is no program.
 */
export function reachOf(agent: string, info: ServerInfo): string | undefined {
  return info.programs.find(program => program.provider === agent)?.reach;
}

/**
 * A model's or a program's name as its maker writes it: `claude-opus-5-5` is Claude Opus 5.5.
 */
export function modelName(model: string): string {
  if (model in PROGRAMS) {
    return PROGRAMS[model];
  }
  const [, family, version] =
    /^claude-([a-z]+)-(\d+(?:-\d+)?)(?:-\d{8})?$/.exec(model) ?? [];
  return family
    ? `Claude ${family[0].toUpperCase()}${family.slice(1)} ${version.replace('-', '.')}`
    : model;
}

/**
 * The agent of a run, as a person reads it.
 */
export function agentName(agent: string, trans: TranslationBundle): string {
  const choice = agentOfRun(agent.split(', then ')[0]);
  if (choice === PLAYBOOK) {
    return trans.__('Playbook');
  }
  const [, ...later] = agent.split(', then ');
  return [choice, ...later]
    .map(modelName)
    .reduce((before, after) => trans.__('%1, then %2', before, after));
}

/**
 * The agent of a run, as a summary names it, as a choice: of several models, the last.
 */
export function agentOfRun(agent: string): string {
  const words = agent.split(' ');
  return words[0] in PROGRAMS ? words[0] : (words.at(-1) ?? PLAYBOOK);
}

/**
 * Approval and budgets of a run, as choices.
 */
export function choicesOfRun(
  agent: AgentSection | null
): Pick<IChoices, 'approval' | 'maxSteps' | 'maxCostUsd' | 'maxMinutes'> {
  return {
    approval: agent?.approval ?? null,
    maxSteps: agent?.max_steps ?? null,
    maxCostUsd: agent?.max_cost_usd ?? null,
    maxMinutes: agent?.max_minutes ?? null
  };
}

/**
 * The value of a field that the administrator has fixed; undefined where it is free.
 */
export function lockedValue<K extends keyof WithoutId<StartRun>>(
  info: ServerInfo,
  field: K
): StartRun[K] | undefined {
  return info.locked[field] as StartRun[K] | undefined;
}

/**
 * What a start would use, for the form to show.
 */
export function effective(
  choices: IChoices,
  card: ConfigCard | null,
  info: ServerInfo,
  preferred: IPreferences['values']
): { agent: string; approval: Approval } {
  const agents = agentsOf(info);
  const wanted = [
    lockedAgent(info),
    choices.agent,
    preferred.agent,
    configAgent(card),
    info.default_provider === 'playbook' ? PLAYBOOK : info.models[0]
  ];
  return {
    agent: wanted.find(agent => agent && agents.includes(agent)) ?? agents[0],
    approval:
      lockedValue(info, 'approval') ??
      choices.approval ??
      (preferred.approval || null) ??
      card?.agent?.approval ??
      'auto'
  };
}

function lockedAgent(info: ServerInfo): string | null | undefined {
  const provider = lockedValue(info, 'provider');
  return provider === 'playbook' || (provider && provider in PROGRAMS)
    ? provider
    : (lockedValue(info, 'model') ?? (provider ? info.models[0] : null));
}

function configAgent(card: ConfigCard | null): string | null | undefined {
  const provider = card?.agent?.provider;
  return provider === 'playbook' || (provider && provider in PROGRAMS)
    ? provider
    : card?.agent?.model;
}

/**
 * The body of a fork that goes on as the run did, but for what the agent is told.
 */
export function forkBody(at: string, message: string): WithoutId<ForkRun> {
  return {
    at,
    message: message.trim() || null,
    notebook: null,
    provider: null,
    model: null,
    approval: null,
    max_steps: null,
    max_cost_usd: null,
    max_minutes: null
  };
}

/**
 * An agent that was chosen, as requests name it.
 */
function agentBody(agent: string): Pick<StartRun, 'provider' | 'model'> {
  return agent === PLAYBOOK || agent in PROGRAMS
    ? { provider: agent as StartRun['provider'], model: null }
    : { provider: 'anthropic', model: agent };
}

/**
 * The body of a start; what is locked is left to the server.
 */
export function startBody(
  config: string,
  notebook: string | null,
  choices: IChoices,
  shown: { agent: string; approval: Approval },
  info: ServerInfo
): WithoutId<StartRun> {
  const playbook = shown.agent === PLAYBOOK;
  const body: WithoutId<StartRun> = {
    config,
    notebook,
    ...agentBody(shown.agent),
    approval: shown.approval,
    max_steps: choices.maxSteps,
    max_cost_usd: playbook ? null : choices.maxCostUsd,
    max_minutes: choices.maxMinutes,
    seed: choices.seed
  };
  const free = Object.entries(body).filter(
    ([field]) => !(field in info.locked)
  );
  return { ...Object.fromEntries(free), config };
}
