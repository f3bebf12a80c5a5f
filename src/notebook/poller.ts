/**
 * Waits before each look after an event. The server writes the file right after most events, and about once a second
 * while a cell prints.
 */
const WAITS_MS = [40, 60, 80, 120, 200, 500, 1000, 2000, 3000];

/**
 * What was found is worked on at most ten times a second, less often where that takes long.
 */
const GAP_MS = 100;
const GAP_PER_WORK = 5;

/**
 * Looks at something a few times after each event, never twice at once.
 */
export class Poller {
  /**
   * @param look - Looks once; says whether there was something to work on.
   * @param quiet - Called when no look is due any more.
   */
  constructor(
    private readonly _look: () => Promise<boolean>,
    private readonly _quiet: () => void
  ) {}

  /**
   * Look soon, and a few times after that.
   */
  soon(): void {
    this._count = 0;
    if (!this._working) {
      this._schedule();
    }
  }

  stop(): void {
    clearTimeout(this._timer);
    this._count = WAITS_MS.length;
  }

  private _schedule(): void {
    clearTimeout(this._timer);
    if (this._count >= WAITS_MS.length) {
      this._quiet();
      return;
    }
    const wait = Math.max(WAITS_MS[this._count], this._notBefore - Date.now());
    this._timer = setTimeout(() => void this._work(), wait);
  }

  private async _work(): Promise<void> {
    this._working = true;
    this._count++;
    const started = Date.now();
    try {
      if (await this._look()) {
        const now = Date.now();
        const gap = Math.max(GAP_MS, GAP_PER_WORK * (now - started));
        this._notBefore = started + gap;
      }
    } finally {
      this._working = false;
      this._schedule();
    }
  }

  private _count = WAITS_MS.length;
  private _notBefore = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _working = false;
}
