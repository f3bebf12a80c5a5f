import { Button, Checkbox } from '@jupyter/react-components';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { deleteIcon, runIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { agentName } from '../choices';
import { duration, fileName, listed } from '../format';
import type { RunSummary } from '../generated/api';
import { replayIcon } from '../icons';
import { meterOf } from '../meters';
import type { Places } from '../places';
import { found } from '../run-search';
import { findingsText, statusWord } from '../words';
import { useAction, useServices, useSignal } from './context';
import { LazyList } from './lazy-list';
import { ErrorLine, IconButton, Notice, Status } from './parts';
import { SearchBox } from './search-box';
import { Told } from './told';

/**
 * All runs that this server knows.
 */
export function History({ places }: { places: Places }): JSX.Element {
  const { compare, investigations, trans } = useServices();
  const runs = useSignal(
    investigations.listsChanged,
    () => investigations.runs
  );
  const [query, setQuery] = React.useState('');
  const [picked, setPicked] = React.useState<ReadonlySet<string>>(new Set());
  const pick = React.useCallback((id: string, on: boolean) => {
    setPicked(before => {
      const after = new Set(before);
      if (on) {
        after.add(id);
      } else {
        after.delete(id);
      }
      return after;
    });
  }, []);
  const shown = runs.filter(run => found(run, query));
  const chosen = runs.filter(({ id }) => picked.has(id)).map(({ id }) => id);
  if (runs.length === 0) {
    return (
      <Notice title={trans.__('No runs yet')}>
        <p>{trans.__('Each investigation is listed here once it starts.')}</p>
        <Button appearance="accent" onClick={() => places.go('organisms')}>
          {trans.__('Choose an organism')}
        </Button>
      </Notice>
    );
  }
  return (
    <div className="ib-place ib-history">
      <div className="ib-place-top">
        <SearchBox
          label={trans.__('Search runs')}
          value={query}
          onChange={setQuery}
        />
      </div>
      <ul className="ib-scroll ib-runs">
        <LazyList
          items={shown}
          render={run => (
            <RunRow
              key={run.id}
              run={run}
              places={places}
              picked={picked.has(run.id)}
              onPick={pick}
            />
          )}
        />
      </ul>
      {shown.length === 0 && (
        <Notice title={trans.__('No run matches “%1”.', query)} />
      )}
      <div className="ib-history-foot">
        <Button
          disabled={chosen.length < 2}
          title={trans.__('Tick two or more runs to compare them')}
          onClick={() => compare(chosen)}
        >
          {chosen.length < 2
            ? trans.__('Compare')
            : trans.__('Compare %1 runs', chosen.length)}
        </Button>
      </div>
    </div>
  );
}

interface IRunRowProps {
  run: RunSummary;
  places: Places;
  picked: boolean;
  onPick: (id: string, on: boolean) => void;
}

const RunRow = React.memo((props: IRunRowProps): JSX.Element => {
  const { run, places, picked, onPick } = props;
  const { trans } = useServices();
  const started = new Date(run.created * 1000);
  return (
    <li className="ib-run">
      <Checkbox
        className="ib-run-pick"
        checked={picked}
        aria-label={trans.__('Compare %1', run.experiment)}
        onChange={event =>
          onPick(run.id, (event.target as HTMLInputElement).checked)
        }
      />
      <button
        type="button"
        className="ib-run-open"
        data-run={run.id}
        onClick={() => places.show(run.id)}
      >
        <span className="ib-run-name">
          <span className="ib-run-experiment">{run.experiment}</span>
          <time
            dateTime={started.toISOString()}
            title={started.toLocaleString()}
          >
            {when(started)}
          </time>
        </span>
        <span className="ib-run-facts">
          <Status {...statusWord(run, trans)} />
          {run.findings !== null && (
            <span>{findingsText(run.findings, trans)}</span>
          )}
          {run.verdict && <span>{run.verdict}</span>}
        </span>
        {run.message && (
          <span className="ib-run-why">
            <Told text={run.message} />
          </span>
        )}
        <span className="ib-run-sums">
          {listed([
            agentName(run.agent, trans),
            ...(run.forked_from ? [trans.__('fork')] : []),
            trans._n('%1 step', '%1 steps', run.figures.steps),
            ...(run.figures.cost_usd
              ? [meterOf(run.figures, 'max_cost_usd')?.used_text ?? '']
              : []),
            duration(run.figures.minutes * 60),
            ...(run.notebook === null ? [] : [fileName(run.notebook)])
          ])}
        </span>
      </button>
      <RunActions run={run} places={places} />
    </li>
  );
});

function RunActions(props: { run: RunSummary; places: Places }): JSX.Element {
  const { run, places } = props;
  const { investigations, trans } = useServices();
  const action = useAction();
  const resumable = run.status === 'interrupted' || run.status === 'failed';
  return (
    <div className="ib-run-actions">
      {resumable && (
        <IconButton
          icon={runIcon}
          label={trans.__('Resume')}
          disabled={action.busy}
          onClick={() =>
            void action.run(async () => {
              await investigations.resume(run.id);
              places.show(run.id);
            })
          }
        />
      )}
      <IconButton
        icon={replayIcon}
        label={trans.__('Replay')}
        disabled={action.busy}
        onClick={() => void action.run(() => places.replay(run.id))}
      />
      <IconButton
        icon={deleteIcon}
        label={trans.__('Delete')}
        disabled={action.busy || run.status === 'running'}
        onClick={() =>
          void action.run(async () => {
            if (await confirmed()) {
              await investigations.remove(run.id);
            }
          })
        }
      />
      <ErrorLine text={action.error} />
    </div>
  );

  async function confirmed(): Promise<boolean> {
    const { button } = await showDialog({
      title: trans.__('Delete this run?'),
      body: trans.__(
        'The record of %1 and its report are deleted. Its notebook stays.',
        run.experiment
      ),
      buttons: [
        Dialog.cancelButton(),
        Dialog.warnButton({ label: trans.__('Delete') })
      ]
    });
    return button.accept;
  }
}

/**
 * The time of a day that is today, the date of any other.
 */
function when(date: Date): string {
  const today = new Date().toDateString() === date.toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString([], { day: 'numeric', month: 'short' });
}
