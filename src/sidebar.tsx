import { Button } from '@jupyter/react-components';
import { infoIcon, ReactWidget, settingsIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import type { IServices } from './components/context';
import { ServicesProvider, useServices, useSignal } from './components/context';
import { History } from './components/history';
import { Investigation, NoInvestigation } from './components/investigation';
import { Organisms } from './components/organisms';
import { IconButton, Notice, Status } from './components/parts';
import { Tabs } from './components/tabs';
import { TourCard } from './components/tour';
import { investigateIcon } from './icons';
import type { Places } from './places';
import type { Tour } from './tour';
import { statusWord } from './words';

/**
 * The sidebar: organisms, the investigation, the history.
 */
export class Sidebar extends ReactWidget {
  constructor(
    private readonly _services: IServices,
    private readonly _places: Places,
    private readonly _tour: Tour
  ) {
    super();
    this.id = 'interp-bench-sidebar';
    this.addClass('ib-sidebar');
    this.title.icon = investigateIcon;
    this.title.caption = _services.trans.__('Interp Bench');
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
  }

  protected render(): JSX.Element {
    return (
      <ServicesProvider value={this._services}>
        <Header />
        <TourCard tour={this._tour} />
        <Body places={this._places} />
      </ServicesProvider>
    );
  }

  /**
   * Selector of what gets the focus with the next activation, in place of the tab that is shown.
   */
  focusNext: string | null = null;

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const selector = this.focusNext ?? '[role="tab"][aria-selected="true"]';
    this.focusNext = null;
    this.node.focus();
    // A palette that closes gives the focus back to the document behind it; a person may take it elsewhere.
    const turned = new AbortController();
    const turnedAway = (): void => turned.abort();
    const { signal } = turned;
    document.addEventListener('pointerdown', turnedAway, { signal });
    document.addEventListener('keydown', turnedAway, { signal });
    void whenThere(this.node, selector, signal).then(async found => {
      await nextFrame();
      if (!signal.aborted) {
        found?.focus();
      }
      turned.abort();
    });
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this._services.investigations.refresh();
  }
}

/**
 * What is shown for the first time is still to be fetched and drawn.
 */
const APPEARS_MS = 10_000;

function nextFrame(): Promise<unknown> {
  return new Promise(resolve => requestAnimationFrame(resolve));
}

async function whenThere(
  node: HTMLElement,
  selector: string,
  givenUp: AbortSignal
): Promise<HTMLElement | null> {
  const find = (): HTMLElement | null => node.querySelector(selector);
  return (
    find() ??
    new Promise(resolve => {
      const done = (): void => {
        observer.disconnect();
        clearTimeout(timer);
        resolve(find());
      };
      const observer = new MutationObserver(() => find() && done());
      observer.observe(node, { childList: true, subtree: true });
      const timer = setTimeout(done, APPEARS_MS);
      givenUp.addEventListener('abort', done);
    })
  );
}

function Header(): JSX.Element {
  const { investigations, openHelp, openSettings, trans } = useServices();
  const running = useSignal(investigations.listsChanged, () =>
    investigations.runs.find(run => run.status === 'running')
  );
  return (
    <div className="ib-header">
      <h1>{trans.__('Interp Bench')}</h1>
      {running && <Status {...statusWord(running, trans)} />}
      <IconButton icon={infoIcon} label={trans.__('Help')} onClick={openHelp} />
      {openSettings && (
        <IconButton
          icon={settingsIcon}
          label={trans.__('Settings')}
          onClick={openSettings}
        />
      )}
    </div>
  );
}

function Body({ places }: { places: Places }): JSX.Element {
  const { investigations, openNotebook, trans } = useServices();
  const problem = useSignal(
    investigations.listsChanged,
    () => investigations.problem
  );
  const known = useSignal(
    investigations.listsChanged,
    () => investigations.info !== null
  );
  const where = useSignal(places.changed, () => places.where);
  const misfit =
    problem && ['missing', 'older', 'newer'].includes(problem.code);
  if (misfit || (problem && !known)) {
    const titles: { [code: string]: string } = {
      missing: trans.__('The server half is missing'),
      older: trans.__('The server half is too old'),
      newer: trans.__('This page is too old'),
      offline: trans.__('Offline')
    };
    return (
      <Notice
        tone="warn"
        title={titles[problem.code] ?? trans.__('Something went wrong')}
      >
        <p>{problem.message}</p>
        <Button onClick={() => void investigations.refresh()}>
          {trans.__('Try again')}
        </Button>
      </Notice>
    );
  }
  return (
    <>
      {problem && (
        <p className="ib-connection ib-mod-offline" role="status">
          {problem.code === 'offline'
            ? trans.__(
                'Offline; reconnecting… If the server is up, runs go on.'
              )
            : problem.message}
        </p>
      )}
      <Tabs
        label={trans.__('Interp Bench')}
        tabs={[
          { id: 'organisms', title: trans.__('Organisms') },
          { id: 'investigation', title: trans.__('Investigation') },
          { id: 'history', title: trans.__('History') }
        ]}
        shown={where.place}
        onShow={place => places.go(place)}
      >
        {where.place === 'organisms' && (
          <Organisms
            chosen={where.config}
            like={where.like}
            onChoose={name => places.choose(name)}
            onStarted={() => {
              places.go('investigation');
              const run = investigations.current;
              if (run) {
                void openNotebook(run, true);
              }
            }}
          />
        )}
        {where.place === 'investigation' && <Current places={places} />}
        {where.place === 'history' && <History places={places} />}
      </Tabs>
    </>
  );
}

function Current({ places }: { places: Places }): JSX.Element {
  const { investigations } = useServices();
  const run = useSignal(
    investigations.currentChanged,
    () => investigations.current
  );
  const { replay } = places.where;
  return run ? (
    <Investigation
      key={run.id}
      run={run}
      replay={replay}
      onReplay={() => places.replay(run.id)}
      onReplayEnd={() => places.endReplay()}
      onLike={() => places.startLike(run)}
    />
  ) : (
    <NoInvestigation onStart={() => places.go('organisms')} />
  );
}
