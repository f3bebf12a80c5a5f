"""How fast the sidebar has a long run, and how smooth it stays while the agent's text streams."""

from __future__ import annotations

import json
import time

from playwright.sync_api import Browser, Page
from websocket import create_connection

from .browser import opened, show_sidebar
from .cells import Watched
from .figures import Figure
from .serving import Lab

EVENTS = 1000
_REPLAY_MS, _SMOOTH_MS = 1000, 50
_COMPLETE_MS = 30_000


def replayed(lab: Lab, run: str, last: int) -> Figure:
    """All events of a run to a client that has none, from before it connects."""
    address = f"{lab.url.replace('http', 'ws', 1)}/interp_bench/api/runs/{run}/stream?after=0"
    begun = time.perf_counter()
    socket = create_connection(address, header=[f"Authorization: token {lab.token}"])
    seen = count = 0
    while seen < last:
        if entries := json.loads(socket.recv())["entries"]:
            seen, count = entries[-1]["seq"], count + len(entries)
    taken = 1000 * (time.perf_counter() - begun)
    socket.close()
    if count != last or count < EVENTS:
        raise RuntimeError(f"{count} events came, of {last}; {EVENTS} are wanted")
    return Figure(name="replay to a client", seen=taken, unit="ms", limit=_REPLAY_MS, detail=f"{count} events")


def shown(browser: Browser, lab: Lab, long: Watched) -> Figure:
    """The same in a browser: from the stream's opening until the sidebar has the run's last step."""
    steps = sum(entry["event"]["type"] == "step_started" for entry in long.entries)
    with opened(browser, lab) as page:
        show_sidebar(page)
        page.locator(".ib-sidebar").get_by_role("tab", name="History").click()
        page.locator(f'.ib-run-open[data-run="{long.run}"]').click()
        page.wait_for_function(f"bench.sidebar['{steps}']", timeout=_COMPLETE_MS)
        opening, complete = page.evaluate(
            f"[bench.sockets.findLast(([, url]) => url.includes('{long.run}/stream'))[0], bench.sidebar['{steps}']]"
        )
    detail = f"{len(long.entries)} events, {steps} steps"
    return Figure(
        name="replay in the sidebar", seen=1000 * (complete - opening), unit="ms", limit=_REPLAY_MS, detail=detail
    )


def smooth(page: Page, talk: Watched) -> Figure:
    """The longest task of the page while the agent's words come in."""
    spoken = [entry["at"] for entry in talk.entries if entry["event"]["type"] == "agent_delta"]
    tasks = [
        milliseconds for begun, milliseconds in page.evaluate("bench.longTasks") if spoken[0] <= begun <= spoken[-1]
    ]
    detail = f"{len(tasks)} tasks over {_SMOOTH_MS} ms in {spoken[-1] - spoken[0]:.0f} s, {len(spoken)} parts"
    # Browsers report tasks over 50 ms only.
    longest = max(tasks, default=0)
    return Figure(name="longest task while text streams", seen=longest, unit="ms", limit=_SMOOTH_MS, detail=detail)
