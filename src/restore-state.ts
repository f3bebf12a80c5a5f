import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

import type { Place, Places } from './places';
import type { IInvestigations } from './tokens';

const KEY = 'interp-bench-ext:sidebar';

interface IRemembered {
  readonly place: Place;
  readonly config: string | null;
  readonly run: string | null;
}

/**
 * After a reload, the sidebar is where it was.
 */
export function restoreState(
  state: IStateDB,
  places: Places,
  investigations: IInvestigations
): void {
  const save = (): void => {
    const { place, config } = places.where;
    const run = investigations.current?.id ?? null;
    void state.save(KEY, { place, config, run });
  };
  void restore(state, places, investigations).finally(() => {
    places.changed.connect(save);
    investigations.currentChanged.connect(save);
  });
}

async function restore(
  state: IStateDB,
  places: Places,
  investigations: IInvestigations
): Promise<void> {
  const value: ReadonlyPartialJSONValue | undefined = await state.fetch(KEY);
  if (!value) {
    return;
  }
  const { place, config, run } = value as unknown as IRemembered;
  await investigations.refresh();
  if (config !== null) {
    places.choose(config);
  }
  if (run !== null && investigations.runs.some(({ id }) => id === run)) {
    investigations.setCurrent(run);
  }
  places.go(place);
}
