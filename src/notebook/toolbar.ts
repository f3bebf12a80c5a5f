import type { ICommandPalette } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import { CommandIDs } from '../command-ids';
import { investigateIcon } from '../icons';
import type { Follow } from './follow';
import type { Follows } from './follows';
import { followIcon } from './icons';
import type { IPanelRuns, PanelRun } from './panels';

const FOLLOW_AGENT = 'interp-bench:follow-agent';

/**
 * Goes to the start form for this notebook; not there while a run is at work in it.
 */
export class InvestigateButton extends ToolbarButton {
  constructor(
    panelRun: PanelRun,
    commands: CommandRegistry,
    trans: TranslationBundle
  ) {
    super({
      icon: investigateIcon,
      label: trans.__('Investigate'),
      tooltip: trans.__('Start an investigation in this notebook'),
      onClick: () => void commands.execute(CommandIDs.start)
    });
    const update = (): void => this.setHidden(panelRun.run !== null);
    panelRun.runChanged.connect(update);
    update();
  }
}

interface IFollowCommand {
  readonly commands: CommandRegistry;
  readonly follows: Follows;
  readonly palette: ICommandPalette | null;
  readonly panelRuns: IPanelRuns;
  readonly tracker: INotebookTracker;
  readonly trans: TranslationBundle;
}

/**
 * The switch of the notebook in front, for keyboard and palette.
 */
export function addFollowCommand(options: IFollowCommand): void {
  const { commands, follows, palette, panelRuns, tracker, trans } = options;
  const inFront = (): Follow | null =>
    tracker.currentWidget && follows.of(panelRuns.of(tracker.currentWidget));
  commands.addCommand(FOLLOW_AGENT, {
    label: trans.__('Follow the Agent in This Notebook'),
    icon: followIcon,
    isEnabled: () => inFront() !== null,
    isToggled: () => inFront()?.enabled ?? false,
    execute: () => {
      const follow = inFront();
      if (follow) {
        follow.enabled = !follow.enabled;
      }
    },
    describedBy: { args: { type: 'object', properties: {} } }
  });
  const notify = (): void => commands.notifyCommandChanged(FOLLOW_AGENT);
  follows.changed.connect(notify);
  tracker.currentChanged.connect(notify);
  palette?.addItem({
    command: FOLLOW_AGENT,
    category: trans.__('Interp Bench')
  });
}
