import { LabIcon } from '@jupyterlab/ui-components';

import fork from '../style/icons/fork.svg';
import investigate from '../style/icons/investigate.svg';
import lock from '../style/icons/lock.svg';
import replay from '../style/icons/replay.svg';
import send from '../style/icons/send.svg';

export const forkIcon = new LabIcon({
  name: 'interp-bench:fork',
  svgstr: fork
});

export const investigateIcon = new LabIcon({
  name: 'interp-bench:investigate',
  svgstr: investigate
});

export const lockIcon = new LabIcon({
  name: 'interp-bench:lock',
  svgstr: lock
});

export const replayIcon = new LabIcon({
  name: 'interp-bench:replay',
  svgstr: replay
});

export const sendIcon = new LabIcon({
  name: 'interp-bench:send',
  svgstr: send
});
