import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Button, ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { sentence } from '../components/context';
import type { FileSync } from './filesync';

/**
 * One line under the toolbar of a notebook whose file has something that needs the person's word.
 */
export class FileNotice extends ReactWidget {
  constructor(
    private readonly _sync: FileSync,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('ib-FileNotice');
    this.node.setAttribute('role', 'status');
    _sync.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): React.ReactElement {
    const { conflicts, blocked } = this._sync;
    return blocked ? this._renderBlocked() : this._renderConflicts(conflicts);
  }

  private _renderBlocked(): React.ReactElement {
    const trans = this._trans;
    return (
      <>
        <span>
          {trans.__('The agent writes to the file; save or revert to see it.')}
        </span>
        <Button small onClick={() => this._do(this._sync.keepOwn())}>
          {trans.__('Save')}
        </Button>
        <Button small onClick={() => this._do(this._sync.revert())}>
          {trans.__('Revert')}
        </Button>
      </>
    );
  }

  private _renderConflicts(
    conflicts: ReadonlyMap<string, string>
  ): React.ReactElement {
    const trans = this._trans;
    const cells = [...conflicts.keys()];
    return (
      <>
        <span>
          {trans._n(
            'The agent has changed cell %2, which you have edited too. You see yours.',
            'The agent has changed cells %2, which you have edited too. You see yours.',
            cells.length,
            cells.join(', ')
          )}
        </span>
        <Button small onClick={() => this._do(this._sync.keepOwn())}>
          {trans.__('Keep mine')}
        </Button>
        <Button small onClick={() => this._sync.takeFiles()}>
          {trans.__("Take the agent's")}
        </Button>
      </>
    );
  }

  private _do(command: Promise<void>): void {
    command.catch(reason => {
      Notification.error(sentence(reason), { autoClose: 8000 });
    });
  }

  private _onChanged(): void {
    this.setHidden(this._sync.conflicts.size === 0 && !this._sync.blocked);
    this.update();
  }
}
