import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Place, Places } from './places';

/**
 * The sidebar's places in the order in which the tour shows them.
 */
export const STOPS: readonly Place[] = [
  'organisms',
  'investigation',
  'history'
];

/**
 * A short way through the sidebar, with a word about each of its places.
 */
export class Tour {
  constructor(private readonly _places: Places) {
    // Whoever goes elsewhere has found the way.
    _places.changed.connect(() => {
      if (this._at !== null && _places.where.place !== STOPS[this._at]) {
        this.end();
      }
    });
  }

  /**
   * Which stop is shown, from 0; null while nobody takes the tour.
   */
  get at(): number | null {
    return this._at;
  }

  /**
   * It goes on, begins, or ends.
   */
  get changed(): ISignal<Tour, void> {
    return this._changed;
  }

  start(): void {
    this._show(0);
  }

  next(): void {
    const next = (this._at ?? -1) + 1;
    if (next < STOPS.length) {
      this._show(next);
    } else {
      this.end();
    }
  }

  end(): void {
    this._at = null;
    this._changed.emit();
  }

  private _show(at: number): void {
    this._at = at;
    this._places.go(STOPS[at]);
    this._changed.emit();
  }

  private _at: number | null = null;
  private readonly _changed = new Signal<Tour, void>(this);
}
