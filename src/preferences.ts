import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IPreferences } from './tokens';

const DEFAULTS: IPreferences['values'] = {
  followAgent: true,
  notifications: true,
  agent: '',
  approval: '',
  maxCostUsd: null,
  maxSteps: null,
  maxMinutes: null
};

/**
 * The person's settings, or the defaults where there is no settings registry.
 */
export class Preferences implements IPreferences {
  get values(): IPreferences['values'] {
    return this._values;
  }

  get changed(): ISignal<IPreferences, void> {
    return this._changed;
  }

  follow(settings: ISettingRegistry.ISettings): void {
    const read = (): void => {
      this._values = {
        ...DEFAULTS,
        ...settings.composite
      };
      this._changed.emit();
    };
    settings.changed.connect(read);
    read();
  }

  private readonly _changed = new Signal<IPreferences, void>(this);
  private _values = DEFAULTS;
}
