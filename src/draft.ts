import type { ICellState, IStep, RunState } from './state';

type ListKey = 'cells' | 'steps' | 'thread' | 'hypotheses' | 'log' | 'reached';
type ObjectKey = 'organism' | 'reply';
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A state under construction. Each list is copied once, when it is first written to, so that a batch of many
 * events costs little and what did not change keeps its identity.
 */
export class Draft {
  constructor(before: RunState) {
    this.state = { ...before };
  }

  readonly state: Mutable<RunState>;

  push<K extends ListKey>(key: K, item: RunState[K][number]): void {
    this._owned(key).push(item);
  }

  replace<K extends ListKey>(
    key: K,
    at: number,
    item: RunState[K][number]
  ): void {
    this._owned(key)[at] = item;
  }

  patch<K extends ObjectKey>(key: K, change: Partial<RunState[K]>): void {
    this.state[key] = { ...this.state[key], ...change };
  }

  patchCell(id: string, change: Partial<ICellState>): void {
    const { cells } = this.state;
    // The cell that something happens to is most often one of the last.
    for (let at = cells.length - 1; at >= 0; at--) {
      if (cells[at].id === id) {
        this.replace('cells', at, { ...cells[at], ...change });
        return;
      }
    }
  }

  patchStep(change: (step: IStep) => Partial<IStep>): void {
    const step = this.state.steps.at(-1);
    if (step) {
      const at = this.state.steps.length - 1;
      this.replace('steps', at, { ...step, ...change(step) });
    }
  }

  private _owned<K extends ListKey>(key: K): RunState[K][number][] {
    if (!this._copied.has(key)) {
      this._copied.add(key);
      this.state[key] = [...this.state[key]] as unknown as RunState[K];
    }
    return this.state[key] as unknown as RunState[K][number][];
  }

  private readonly _copied = new Set<ListKey>();
}
