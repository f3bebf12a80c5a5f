"""How long cells take from the agent's tool call to an open browser, and to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from .browser import appeared, opened, start
from .figures import Figure, described, percentile
from .serving import Entry, Lab

LAST_CELL_MS = 2000
"""After the last call, for its cell to appear."""
TOGETHER = 8


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from the tool call on, for each cell."""

    appear: list[float]
    done: list[float]

    @classmethod
    def of(cls, calls: Mapping[str, tuple[float, float]], seen: Mapping[str, float]) -> Latencies:
        """A cell that never appeared counts as one that took for ever.

        Args:
            calls: When each call was made and when it returned, in seconds.
            seen: When each call's cell appeared.
        """
        appear = [1000 * (seen.get(call, float("inf")) - made) for call, (made, _) in calls.items()]
        return cls(appear, [1000 * (returned - made) for made, returned in calls.values()])


def calls_of(entries: Sequence[Entry]) -> dict[str, tuple[float, float]]:
    """When the calls of ``run_cell`` were made and returned, by the journal: each reply holds one call."""
    made: dict[str, float] = {}
    calls: dict[str, tuple[float, float]] = {}
    for entry in entries:
        event = entry["event"]
        if event["type"] == "agent_replied":
            blocks = [block for block in event["content"] if block.get("name") == "run_cell"]
            made |= {block["id"]: entry["at"] for block in blocks}
        elif event["type"] == "tool_returned" and event["tool_use_id"] in made:
            calls[event["tool_use_id"]] = made[event["tool_use_id"]], entry["at"]
    return calls


@dataclass(frozen=True)
class Watched:
    """A run that a browser watched."""

    run: str
    clicked: float
    """When it was started: Unix time in seconds."""
    entries: list[Entry]
    seen: dict[str, float]
    """When each call's cell appeared."""

    @property
    def latencies(self) -> Latencies:
        return Latencies.of(calls_of(self.entries), self.seen)

    @property
    def first_cell_s(self) -> float:
        """Seconds from the click to the end of the first cell that was run."""
        ends = (entry["at"] for entry in self.entries if entry["event"]["type"] == "cell_finished")
        return float(next(ends)) - self.clicked


def watched(page: Page, lab: Lab, config: str) -> Watched:
    """Start a run by the sidebar in the page's notebook and watch it to its end."""
    run, clicked = start(page, config)
    entries = lab.ended(run)
    page.wait_for_timeout(LAST_CELL_MS)
    return Watched(run, clicked, entries, appeared(page))


def alone(browser: Browser, lab: Lab, config: str, notebook: str) -> Watched:
    """One run, in a notebook of its own that the browser has open."""
    with opened(browser, lab, lab.make_notebook(notebook)) as page:
        return watched(page, lab, config)


def together(browser: Browser, lab: Lab, config: str) -> Latencies:
    """Eight runs on one organism; the browser has the notebook of one of them open."""
    others = [lab.make_notebook(f"beside{number}.ipynb") for number in range(1, TOGETHER)]
    with opened(browser, lab, lab.make_notebook("together.ipynb")) as page:
        runs = [lab.start(config, notebook) for notebook in others]
        mine = watched(page, lab, config)
    spans = [list(calls_of(lab.ended(run)).values()) for run in runs]
    begun, over = max(span[0][0] for span in spans), min(span[-1][1] for span in spans)
    calls = {call: times for call, times in calls_of(mine.entries).items() if begun <= times[0] <= over}
    return Latencies.of(calls, mine.seen)


def appear_figures(name: str, times: Latencies, *, p50: float | None, p95: float | None) -> list[Figure]:
    """Median and 95th percentile of how long cells take to appear."""
    detail = described(times.appear)
    return [
        Figure(name=f"{name}, p50", seen=percentile(times.appear, 0.5), unit="ms", limit=p50, detail=detail),
        Figure(name=f"{name}, p95", seen=percentile(times.appear, 0.95), unit="ms", limit=p95),
    ]
