"""How soon the sidebar shows a run when the browser's WebSockets are held back."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Browser, Page

from .browser import opened, show_sidebar, start
from .figures import Figure
from .serving import Lab

_SECOND_MS, _HUNG_MS = 1000, 5000
_SHOWN_MS = 90_000
_HANG = """
(() => {
  const Socket = window.WebSocket;
  // A proxy that takes the handshake and never answers.
  window.WebSocket = class extends Socket {
    constructor(url, ...rest) {
      super(String(url).includes('/interp_bench/') ? 'ws://127.0.0.1:HOLE' : url, ...rest);
    }
  };
})();
"""
_KNOWN = """
() => {
  const run = document.querySelector('.ib-investigation .ib-run-title h2')?.title;
  return run === RUN && document.querySelector('.ib-investigation .ib-phase, .ib-investigation .ib-outcome')
    ? performance.timeOrigin + performance.now()
    : false;
}
"""


def second_start(browser: Browser, lab: Lab) -> Iterator[Figure]:
    """A start in a new notebook while the first run's first cell runs in the page, until its events are shown."""
    with opened(browser, lab) as page:
        start(page, "slow")
        page.wait_for_function("document.querySelector('.ib-CellMark[data-status=running]')", timeout=60_000)
        page.locator('.ib-sidebar [data-place="organisms"]').click()
        run, clicked = start(page, "one")
        seen = _shown(page, run) - 1000 * clicked
    yield Figure(name="second start in a long cell: first event", seen=seen, unit="ms", limit=_SECOND_MS)


def hung_handshake(browser: Browser, lab: Lab, *, run: str, hole: int) -> Iterator[Figure]:
    """A finished run, opened from the history, whose stream's handshake is never answered: until it is polled.

    ``hole`` is a port on which connections are taken and nothing is said.
    """
    with opened(browser, lab, script=_HANG.replace("HOLE", str(hole))) as page:
        show_sidebar(page)
        page.locator('.ib-sidebar [data-place="history"]').click()
        page.locator(f'.ib-run-open[data-run="{run}"]').click()
        clicked = float(page.evaluate("bench.clicks.at(-1)"))
        seen = _shown(page, run) - 1000 * clicked
    yield Figure(name="hung handshake: the run is shown", seen=seen, unit="ms", limit=_HUNG_MS)


def _shown(page: Page, run: str) -> float:
    """When the run's events are first shown, in milliseconds of Unix time."""
    known = page.wait_for_function(_KNOWN.replace("RUN", repr(run)), timeout=_SHOWN_MS)
    return float(known.json_value())
