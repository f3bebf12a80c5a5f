import { Option } from '@jupyter/react-components';
import * as React from 'react';

import { lockedValue, modelName } from '../choices';
import type { AgentSection, ChangeAgent, ServerInfo } from '../generated/api';
import type { IRunModel } from '../tokens';
import { APPROVALS, approvalName } from '../words';
import { useAction, useRun, useServices, useSignal } from './context';
import { Choice } from './fields';
import { ErrorLine } from './parts';

/**
 * Model and approval of a run that goes on, which a person may choose otherwise; what is fixed is left out.
 */
export function AgentChoices({ run }: { run: IRunModel }): JSX.Element | null {
  const { investigations, trans } = useServices();
  const info = useSignal(
    investigations.listsChanged,
    () => investigations.info
  );
  const agent = useRun(run, state => state.agentSection);
  const action = useAction();
  if (!info || !agent) {
    return null;
  }
  const choose = (change: Partial<Omit<ChangeAgent, 'request_id'>>): void =>
    void action.run(() => investigations.choose(run.id, change));
  const models = modelsFor(agent, info);
  return (
    <>
      <div className="ib-agent-choices">
        {agent.model && models.length > 1 && (
          <Choice
            label={trans.__('Model from the next reply on')}
            value={agent.model}
            onChoose={model => model !== agent.model && choose({ model })}
          >
            {models.map(model => (
              <Option key={model} value={model}>
                {modelName(model)}
              </Option>
            ))}
          </Choice>
        )}
        {lockedValue(info, 'approval') === undefined && (
          <Choice
            label={trans.__('Cells that you approve from here on')}
            value={agent.approval}
            onChoose={approval =>
              approval !== agent.approval &&
              choose({ approval: approval as AgentSection['approval'] })
            }
          >
            {APPROVALS.map(approval => (
              <Option key={approval} value={approval}>
                {trans.__('Approve: %1', approvalName(approval, trans))}
              </Option>
            ))}
          </Choice>
        )}
      </div>
      <ErrorLine text={action.error} />
    </>
  );
}

/**
 * The models among which the agent of a run can change, its own first where the server does not list it.
 */
function modelsFor(agent: AgentSection, info: ServerInfo): string[] {
  const fixed = lockedValue(info, 'model') !== undefined;
  if (agent.provider !== 'anthropic' || !agent.model || fixed) {
    return [];
  }
  return agent.base_url === null && info.models.includes(agent.model)
    ? info.models
    : [];
}
