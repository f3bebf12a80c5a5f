import type { ICommandPalette } from '@jupyterlab/apputils';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import { forkBody } from './choices';
import { CommandIDs } from './command-ids';
import { APPROVAL_CLASS } from './components/approval';
import { investigateIcon } from './icons';
import type { ISidebar } from './panel';
import type { ICellNavigator, IInvestigations, IRunModel } from './tokens';

interface IContext {
  readonly commands: CommandRegistry;
  readonly investigations: IInvestigations;
  readonly navigator: ICellNavigator | null;
  readonly sidebar: ISidebar;
  readonly trans: TranslationBundle;
}

/**
 * What can be done to the run that the sidebar shows.
 */
interface IRunCommand {
  readonly label: string | ((run: IRunModel | null) => string);
  readonly isEnabled: (run: IRunModel) => boolean;
  readonly execute: (run: IRunModel) => unknown;
}

/**
 * Register all commands, and list them in the palette where there is one.
 */
export function addCommands(
  context: IContext,
  palette: ICommandPalette | null
): void {
  const { commands, investigations, trans } = context;
  addNavigation(context);
  for (const [id, command] of Object.entries(runCommands(context))) {
    addRunCommand(commands, id, command, investigations);
  }
  const ids = Object.values(CommandIDs);
  const category = trans.__('Interp Bench');
  ids.forEach(command => palette?.addItem({ command, category }));
  const notify = (): void => {
    ids.forEach(id => commands.notifyCommandChanged(id));
  };
  investigations.listsChanged.connect(notify);
  investigations.currentChanged.connect(notify);
}

function addNavigation({ commands, sidebar, trans }: IContext): void {
  commands.addCommand(CommandIDs.focus, {
    label: trans.__('Show Interp Bench'),
    caption: trans.__('Show the sidebar of Interp Bench'),
    icon: investigateIcon,
    describedBy: { args: NO_ARGS },
    execute: () => sidebar.activate()
  });
  commands.addCommand(CommandIDs.start, {
    label: args =>
      args.isLauncher
        ? trans.__('Investigation')
        : trans.__('Start Investigation…'),
    caption: trans.__('Choose an organism and let an agent investigate it'),
    icon: investigateIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          config: {
            type: 'string',
            description: trans.__('Name of the config to choose')
          }
        }
      }
    },
    execute: args => {
      if (typeof args.config === 'string') {
        sidebar.places.choose(args.config);
      }
      sidebar.places.go('organisms');
      sidebar.activate('.ib-search');
    }
  });
  commands.addCommand(CommandIDs.help, {
    label: trans.__('Interp Bench Help'),
    describedBy: { args: NO_ARGS },
    execute: () => sidebar.openHelp()
  });
  commands.addCommand(CommandIDs.tour, {
    label: trans.__('Tour of Interp Bench'),
    describedBy: { args: NO_ARGS },
    execute: () => sidebar.takeTour()
  });
  commands.addCommand(CommandIDs.showHistory, {
    label: trans.__('Show the History of Investigations'),
    describedBy: { args: NO_ARGS },
    execute: () => {
      sidebar.places.go('history');
      sidebar.activate();
    }
  });
}

const NO_ARGS = { type: 'object', properties: {} };

function runCommands(context: IContext): { [id: string]: IRunCommand } {
  return { ...heldCommands(context), ...shownCommands(context) };
}

/**
 * Commands that change what the run does.
 */
function heldCommands(context: IContext): { [id: string]: IRunCommand } {
  const { investigations, trans } = context;
  const driven = (run: IRunModel): boolean =>
    run.state.status === 'running' && run.summary.here;
  const asks = (run: IRunModel): boolean =>
    driven(run) && run.state.approval !== null;
  const answer = (run: IRunModel, decision: 'run' | 'skip'): unknown =>
    run.state.approval &&
    investigations.answer(run.id, {
      approval: run.state.approval.approval,
      decision
    });
  return {
    [CommandIDs.pause]: {
      label: run =>
        run?.state.paused
          ? trans.__('Continue the Investigation')
          : trans.__('Pause the Investigation'),
      isEnabled: driven,
      execute: run =>
        run.state.paused
          ? investigations.unpause(run.id)
          : investigations.pause(run.id)
    },
    [CommandIDs.stop]: {
      label: trans.__('Stop the Investigation'),
      isEnabled: driven,
      execute: run => investigations.stop(run.id)
    },
    [CommandIDs.resume]: {
      label: trans.__('Resume the Investigation'),
      // A budget that is used up is raised in the sidebar.
      isEnabled: run =>
        ['interrupted', 'failed'].includes(run.state.status) &&
        run.state.reached.length === 0,
      execute: run => investigations.resume(run.id)
    },
    [CommandIDs.fork]: {
      label: trans.__('Fork the Investigation…'),
      isEnabled: run => run.state.lastEnded !== null,
      execute: run => fork(context, run)
    },
    [CommandIDs.approve]: {
      label: trans.__('Run the Cell That Waits for Approval'),
      isEnabled: asks,
      execute: run => answer(run, 'run')
    },
    [CommandIDs.skip]: {
      label: trans.__('Skip the Cell That Waits for Approval'),
      isEnabled: asks,
      execute: run => answer(run, 'skip')
    },
    [CommandIDs.score]: {
      label: trans.__('Score the Investigation'),
      isEnabled: run =>
        run.state.status === 'finished' && run.state.score === null,
      execute: run => investigations.score(run.id)
    }
  };
}

/**
 * Ask what the agent is to be told, then go another way from the cell that ended last.
 */
async function fork(context: IContext, run: IRunModel): Promise<void> {
  const { investigations, sidebar, trans } = context;
  const cellId = run.state.lastEnded ?? '';
  const { button, value } = await InputDialog.getText({
    title: trans.__('Fork after %1', cellId),
    label: trans.__('What should the agent do differently? (optional)'),
    okLabel: trans.__('Fork')
  });
  if (button.accept) {
    await investigations.fork(run.id, forkBody(cellId, value ?? ''));
    sidebar.places.go('investigation');
    sidebar.activate();
  }
}

/**
 * Commands that show something of the run.
 */
function shownCommands(context: IContext): { [id: string]: IRunCommand } {
  const { investigations, navigator, sidebar, trans } = context;
  const reveal = (selector?: string): void => {
    sidebar.places.go('investigation');
    sidebar.activate(selector);
  };
  return {
    [CommandIDs.goToApproval]: {
      label: trans.__('Go to the Question of the Agent'),
      isEnabled: run => run.state.waiting === 'approval',
      execute: () => reveal(`.${APPROVAL_CLASS}`)
    },
    [CommandIDs.goToRunningCell]: {
      label: trans.__('Go to the Cell of the Agent'),
      isEnabled: run => navigator !== null && run.state.cells.length > 0,
      execute: run => {
        const { cells, runningCell } = run.state;
        const cellId = runningCell ?? cells.at(-1)?.id;
        return cellId && navigator?.reveal(run, cellId);
      }
    },
    [CommandIDs.openNotebook]: {
      label: trans.__('Open the Notebook of the Investigation'),
      isEnabled: run => run.summary.notebook !== null,
      execute: run => sidebar.openNotebook(run)
    },
    [CommandIDs.openReport]: {
      label: trans.__('Open the Report of the Investigation'),
      isEnabled: run => run.state.seq > 0,
      execute: run =>
        window.open(investigations.reportUrl(run.id), '_blank', 'noopener')
    },
    [CommandIDs.replay]: {
      label: trans.__('Replay the Investigation'),
      isEnabled: run => run.state.seq > 0,
      execute: async run => {
        await sidebar.places.replay(run.id);
        reveal();
      }
    }
  };
}

function addRunCommand(
  commands: CommandRegistry,
  id: string,
  command: IRunCommand,
  investigations: IInvestigations
): void {
  const { label } = command;
  commands.addCommand(id, {
    label:
      typeof label === 'string' ? label : () => label(investigations.current),
    describedBy: { args: NO_ARGS },
    isEnabled: () => {
      const run = investigations.current;
      return run !== null && command.isEnabled(run);
    },
    execute: async () => {
      const run = investigations.current;
      if (!run) {
        return;
      }
      try {
        await command.execute(run);
      } catch (error) {
        Notification.error((error as Error).message, { autoClose: 8000 });
      }
    }
  });
}
