import {
  caretLeftIcon,
  caretRightIcon,
  closeIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { elapsed } from '../format';
import { logLine } from '../log';
import type { ReplayModel } from '../replay';
import {
  useFigures,
  useNotebookExists,
  useServices,
  useSignal
} from './context';
import { Forking } from './fork';
import { IconButton } from './parts';

interface IReplayBarProps {
  replay: ReplayModel;
  onClose: () => void;
}

/**
 * Steps through a run's past; the notebook follows to the cell of each moment.
 */
export function ReplayBar({ replay, onClose }: IReplayBarProps): JSX.Element {
  const { navigator, trans } = useServices();
  const follows = useNotebookExists(replay);
  const moment = useSignal(replay.changed, () => replay.moment);
  const go = (to: number): void => {
    replay.seek(to);
    const event = replay.entry?.event;
    if (follows && navigator && event && 'cell_id' in event) {
      void navigator.reveal(replay, event.cell_id, {
        keepFocus: true
      });
    }
  };
  const { entry } = replay;
  const line = entry && logLine(entry.event, trans);
  const figures = useFigures(replay);
  const said = line?.text ?? trans.__('Step %1', figures.steps);
  return (
    <div className="ib-replay" role="group" aria-label={trans.__('Replay')}>
      <div className="ib-replay-row">
        <IconButton
          icon={caretLeftIcon}
          label={trans.__('Back')}
          disabled={moment === 0}
          onClick={() => go(moment - 1)}
        />
        <input
          type="range"
          className="ib-replay-slider"
          min={0}
          max={Math.max(0, replay.length - 1)}
          value={moment}
          aria-label={trans.__('Moment of the run')}
          aria-valuetext={said}
          onChange={({ target }) => go(Number(target.value))}
        />
        <IconButton
          icon={caretRightIcon}
          label={trans.__('Forward')}
          disabled={moment >= replay.length - 1}
          onClick={() => go(moment + 1)}
        />
        <IconButton
          icon={closeIcon}
          label={trans.__('End the replay')}
          onClick={onClose}
        />
      </div>
      <p className="ib-replay-text">
        <span className="ib-replay-time">{elapsed(figures.minutes * 60)}</span>{' '}
        {said}
      </p>
      <Forking
        run={replay}
        cellId={replay.state.lastEnded}
        label={trans.__('Fork from here…')}
      />
    </div>
  );
}
