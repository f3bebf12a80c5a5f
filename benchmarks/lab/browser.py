"""A browser in which Lab is open, and when what appeared there, by the clock that the journal has, too."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, Response, sync_playwright

from .script import MARK
from .serving import Lab

_CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_READY_MS = 60_000
_STAMPS = """
(() => {
  const clock = () => (performance.timeOrigin + performance.now()) / 1000;
  const bench = (window.bench = { cells: {}, longTasks: [], clicks: [], sockets: [], sidebar: {} });
  new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) {
      bench.longTasks.push([(performance.timeOrigin + startTime) / 1000, duration]);
    }
  }).observe({ type: 'longtask', buffered: true });
  window.addEventListener('click', () => bench.clicks.push(clock()), { capture: true });
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      bench.sockets.push([clock(), String(given[0])]);
    }
  };
  new MutationObserver(records => {
    const now = clock();
    for (const { target, addedNodes } of records) {
      const place = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      if (place?.closest('.jp-Notebook')) {
        const text = [place.classList.contains('cm-line') ? place : null, ...addedNodes]
          .map(node => node?.textContent ?? '').join('\\n');
        for (const [, call] of text.matchAll(/# MARK (\\w+)\\./g)) {
          bench.cells[call] ??= now;
        }
      } else if (place?.closest('.ib-sidebar')) {
        for (const section of document.querySelectorAll('.ib-sidebar .ib-section-aside')) {
          bench.sidebar[section.textContent] ??= now;
        }
      }
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
})();
""".replace("MARK", MARK)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Browser, lab: Lab, path: str = "", *, script: str = "") -> Iterator[Page]:
    """A page with Lab, ready, with the notebook at ``path`` where one is given; ``script`` is run before Lab's."""
    with browser.new_context(viewport={"width": 1360, "height": 860}) as context:
        context.add_init_script(f"{_STAMPS}\n{script}")
        page = context.new_page()
        page.goto(lab.address(path))
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=_READY_MS)
        page.locator(".jp-Notebook" if path else ".jp-LauncherCard").first.wait_for(timeout=_READY_MS)
        yield page


def appeared(page: Page) -> dict[str, float]:
    """When each cell's text was first in the page's notebook: Unix time in seconds, by the id of its call."""
    found: dict[str, float] = page.evaluate("bench.cells")
    return found


def start(page: Page, config: str) -> tuple[str, float]:
    """Start a run in the open notebook by the sidebar's button; returns its id, and when the button was clicked."""
    show_sidebar(page)
    page.locator(f'.ib-card[data-config="{config}"]').click()
    with page.expect_response(_starts_a_run) as reply:
        page.locator(".ib-start").click()
    return str(reply.value.json()["id"]), float(page.evaluate("bench.clicks.at(-1)"))


def show_sidebar(page: Page) -> None:
    if not page.locator(".ib-sidebar").is_visible():
        page.locator('[data-id="interp-bench-sidebar"]').click()


def _starts_a_run(reply: Response) -> bool:
    return bool(reply.request.method == "POST" and reply.url.split("?")[0].endswith("/interp_bench/api/runs"))
