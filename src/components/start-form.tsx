import { Button, Option, Radio, RadioGroup } from '@jupyter/react-components';
import { PathExt } from '@jupyterlab/coreutils';
import * as React from 'react';

import type { IChoices } from '../choices';
import {
  agentsOf,
  effective,
  lockedValue,
  modelName,
  reachOf,
  NO_CHOICES,
  PLAYBOOK,
  startBody
} from '../choices';
import type { ConfigCard, ServerInfo, StartRun } from '../generated/api';
import { APPROVALS, approvalName } from '../words';
import { useAction, useServices, useSignal } from './context';
import { Amount, Choice, Field, Locked, WhyLocked } from './fields';
import { StartProblem } from './make-room';
import { Section } from './section';
import { Told } from './told';

interface IStartFormProps {
  card: ConfigCard | null;
  info: ServerInfo;
  /**
   * What it begins with, for a run like an earlier one.
   */
  like: Partial<IChoices> | null;
  onStarted: () => void;
}

type Set = (change: Partial<IChoices>) => void;

/**
 * What a person may choose about an investigation, and the button that starts it.
 */
export function StartForm(props: IStartFormProps): JSX.Element {
  const { card, info, like, onStarted } = props;
  const { investigations, notebook, preferences, trans } = useServices();
  const preferred = useSignal(preferences.changed, () => preferences.values);
  const open = useSignal(notebook.changed, () => notebook.path);
  const busyNotebook = useSignal(
    investigations.listsChanged,
    () => open !== null && investigations.liveRunOf(open) !== null
  );
  const holdsRun = useSignal(
    investigations.listsChanged,
    () => open !== null && investigations.hasRun(open)
  );
  const usable = busyNotebook ? null : open;
  const [wanted, setWanted] = React.useState<boolean | null>(null);
  const wantsNew = wanted ?? holdsRun;
  const [choices, setChoices] = React.useState<IChoices>({
    ...NO_CHOICES,
    maxSteps: preferred.maxSteps,
    maxCostUsd: preferred.maxCostUsd,
    maxMinutes: preferred.maxMinutes,
    ...like
  });
  const { busy, code, error, run } = useAction();
  const set: Set = change => setChoices(before => ({ ...before, ...change }));
  const invalid = Object.values(choices).some(Number.isNaN);
  const shown = effective(choices, card, info, preferred);

  const start = async (): Promise<void> => {
    const path = wantsNew ? null : usable;
    const started = await run(async () => {
      if (path !== null) {
        await notebook.save();
      }
      await investigations.start(
        startBody(card!.name, path, choices, shown, info)
      );
    });
    if (started) {
      onStarted();
    }
  };

  return (
    <form
      className="ib-form"
      aria-label={trans.__('Investigation')}
      onSubmit={event => {
        event.preventDefault();
      }}
    >
      <NotebookField
        open={usable}
        taken={busyNotebook ? open : null}
        holdsRun={holdsRun}
        wantsNew={wantsNew}
        onWant={setWanted}
      />
      <AgentField info={info} value={shown.agent} set={set} />
      <ApprovalField info={info} value={shown.approval} set={set} />
      <Budgets
        card={card}
        info={info}
        choices={choices}
        shown={shown}
        set={set}
      />
      <Section title={trans.__('More')} className="ib-more">
        {() => <SeedField info={info} choices={choices} set={set} />}
      </Section>
      <WhyLocked info={info} />
      <StartProblem text={error} code={code} start={start} />
      <Button
        appearance="accent"
        className="ib-start"
        disabled={!card || card.obstacle !== null || busy || invalid}
        onClick={() => void start()}
      >
        {busy ? trans.__('Starting…') : trans.__('Start investigation')}
      </Button>
      {!card && (
        <p className="ib-hint ib-center">
          {trans.__('Choose an organism first.')}
        </p>
      )}
      {card?.obstacle && (
        <p className="ib-hint" role="status">
          <Told text={card.obstacle} />
        </p>
      )}
    </form>
  );
}

function NotebookField(props: {
  open: string | null;
  taken: string | null;
  holdsRun: boolean;
  wantsNew: boolean;
  onWant: (wantsNew: boolean) => void;
}): JSX.Element {
  const { open, taken, holdsRun, wantsNew, onWant } = props;
  const { trans } = useServices();
  if (open === null) {
    return (
      <Field label={trans.__('Notebook')}>
        <span>{trans.__('a new one')}</span>
        {taken !== null && (
          <p className="ib-hint">
            {trans.__(
              '%1 is under investigation already.',
              PathExt.basename(taken)
            )}
          </p>
        )}
      </Field>
    );
  }
  return (
    <Field label={trans.__('Notebook')}>
      <RadioGroup
        className="ib-radios"
        aria-label={trans.__('Notebook')}
        value={wantsNew ? 'new' : 'open'}
        onChange={event =>
          onWant((event.target as HTMLInputElement).value === 'new')
        }
      >
        <Radio value="open" title={open}>
          {PathExt.basename(open)}
        </Radio>
        <Radio value="new">{trans.__('new')}</Radio>
      </RadioGroup>
      {holdsRun && (
        <p className="ib-hint">
          {trans.__(
            'The open notebook holds a run already; another in it would replace its kernel.'
          )}
        </p>
      )}
    </Field>
  );
}

function AgentField(props: {
  info: ServerInfo;
  value: string;
  set: Set;
}): JSX.Element {
  const { info, value, set } = props;
  const { trans } = useServices();
  const name = (agent: string): string =>
    agent === PLAYBOOK ? trans.__('Playbook (offline)') : modelName(agent);
  const reach = reachOf(value, info);
  const locked =
    lockedValue(info, 'provider') !== undefined ||
    lockedValue(info, 'model') !== undefined;
  return (
    <Field label={trans.__('Agent')}>
      {locked ? (
        <Locked>{name(value)}</Locked>
      ) : (
        <Choice
          label={trans.__('Agent')}
          value={value}
          onChoose={agent => set({ agent })}
        >
          {agentsOf(info).map(agent => (
            <Option key={agent} value={agent}>
              {name(agent)}
            </Option>
          ))}
        </Choice>
      )}
      {reach && <p className="ib-hint">{reach}</p>}
      {!info.providers.includes('anthropic') && <NoKey />}
    </Field>
  );
}

/**
 * What the playbook is, and how to have Claude instead.
 */
function NoKey(): JSX.Element {
  const { trans } = useServices();
  return (
    <details className="ib-hint">
      <summary>{trans.__('What is the playbook? Can Claude do it?')}</summary>
      <p>
        {trans.__(
          'The playbook runs the techniques by a fixed protocol: it needs no key, costs nothing, and gives the same result for the same seed.'
        )}
      </p>
      <p>
        {trans.__(
          'For Claude, set ANTHROPIC_API_KEY in the environment in which the Jupyter server starts, and restart the server. The key stays in the server: no notebook and no kernel gets it.'
        )}
      </p>
    </details>
  );
}

function ApprovalField(props: {
  info: ServerInfo;
  value: NonNullable<StartRun['approval']>;
  set: Set;
}): JSX.Element {
  const { info, value, set } = props;
  const { trans } = useServices();
  const locked = lockedValue(info, 'approval') !== undefined;
  return (
    <Field label={trans.__('Approve')}>
      {locked ? (
        <Locked>{approvalName(value, trans)}</Locked>
      ) : (
        <Choice
          label={trans.__("Which of the agent's cells you approve")}
          value={value}
          onChoose={chosen => set({ approval: chosen as typeof value })}
        >
          {APPROVALS.map(approval => (
            <Option key={approval} value={approval}>
              {approvalName(approval, trans)}
            </Option>
          ))}
        </Choice>
      )}
    </Field>
  );
}

function Budgets(props: {
  card: ConfigCard | null;
  info: ServerInfo;
  choices: IChoices;
  shown: { agent: string };
  set: Set;
}): JSX.Element {
  const { card, info, choices, shown, set } = props;
  const { trans } = useServices();
  const agent = card?.agent;
  return (
    <Field label={trans.__('Budget')}>
      <div className="ib-amounts">
        <Amount
          label={trans.__('Steps')}
          unit={trans.__('steps')}
          whole
          usual={agent?.max_steps}
          locked={lockedValue(info, 'max_steps')}
          most={info.at_most.max_steps}
          value={choices.maxSteps}
          onChange={maxSteps => set({ maxSteps })}
        />
        <Amount
          label={trans.__('Minutes')}
          unit={trans.__('min')}
          usual={agent?.max_minutes}
          locked={lockedValue(info, 'max_minutes')}
          most={info.at_most.max_minutes}
          value={choices.maxMinutes}
          onChange={maxMinutes => set({ maxMinutes })}
        />
        {shown.agent !== PLAYBOOK && (
          <Amount
            label={trans.__('Cost in US dollars')}
            unit={trans.__('USD')}
            usual={agent?.max_cost_usd}
            locked={lockedValue(info, 'max_cost_usd')}
            most={info.at_most.max_cost_usd}
            value={choices.maxCostUsd}
            onChange={maxCostUsd => set({ maxCostUsd })}
          />
        )}
      </div>
    </Field>
  );
}

function SeedField(props: {
  info: ServerInfo;
  choices: IChoices;
  set: Set;
}): JSX.Element {
  const { trans } = useServices();
  return (
    <Field label={trans.__('Seed')}>
      <Amount
        label={trans.__('Seed')}
        unit=""
        whole
        from={0}
        none={trans.__("the config's")}
        locked={lockedValue(props.info, 'seed')}
        value={props.choices.seed}
        onChange={seed => props.set({ seed })}
      />
    </Field>
  );
}
