import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { type Agreement, Investigations } from './investigations';
import { Preferences } from './preferences';
import { Api } from './request';
import { IInvestigations, IPreferences, SETTINGS_ID } from './tokens';

/**
 * Name under which translations of this extension are found.
 */
export const DOMAIN = 'interp_bench_ext';

export const investigationsPlugin: JupyterFrontEndPlugin<IInvestigations> = {
  id: 'interp-bench-ext:investigations',
  description: 'The investigations of this server: lists, live runs, commands.',
  autoStart: true,
  provides: IInvestigations,
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null
  ): IInvestigations => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { contents, serverSettings } = app.serviceManager;
    const api = new Api(serverSettings, trans);
    return new Investigations(api, contents, trans, (to, sentence) =>
      agrees(to, sentence, trans)
    );
  }
};

async function agrees(
  to: Agreement,
  sentence: string,
  trans: TranslationBundle
): Promise<boolean> {
  const unveiled = to === 'weaker_veil';
  const { button } = await showDialog({
    title: unveiled
      ? trans.__('Run its code without a sandbox?')
      : trans.__('Start in spite of what it may cost?'),
    body: sentence,
    defaultButton: 0,
    buttons: [
      Dialog.cancelButton(),
      unveiled
        ? Dialog.warnButton({ label: trans.__('Run without') })
        : Dialog.okButton({ label: trans.__('Start') })
    ]
  });
  return button.accept;
}

export const preferencesPlugin: JupyterFrontEndPlugin<IPreferences> = {
  id: SETTINGS_ID,
  description: "The person's settings for investigations.",
  autoStart: true,
  provides: IPreferences,
  optional: [ISettingRegistry],
  activate: (
    _: JupyterFrontEnd,
    registry: ISettingRegistry | null
  ): IPreferences => {
    const preferences = new Preferences();
    registry?.load(SETTINGS_ID).then(
      settings => preferences.follow(settings),
      () => {
        // The defaults hold; Lab itself says what is wrong with the settings.
      }
    );
    return preferences;
  }
};
