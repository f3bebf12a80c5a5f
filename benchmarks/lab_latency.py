"""JupyterLab with Interp Bench: how fast cells and events reach an open browser, and what the extension costs.

A real JupyterLab, a real kernel, a tiny organism, and an agent whose replies are scripted: they take 0.3 s, with eight
runs at once 0.7 s, which is less than any model takes, and nothing where it says so. With ``--check`` the exit status
is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import ROOT
from lab.browser import chromium, opened
from lab.cells import TOGETHER, Watched, alone, appear_figures, together, watched
from lab.costs import bundle, server_half
from lab.figures import Figure, described, percentile, report, told
from lab.peer import compared
from lab.serving import Lab, serving
from lab.sidebar import replayed, shown, smooth
from playwright.sync_api import Browser

_STARTS, _FIRST_CELL_S = 5, 3


def with_collaboration(browser: Browser, lab: Lab) -> Iterator[Figure]:
    quick = alone(browser, lab, "quick", "quick.ipynb")
    yield from appear_figures("cell appears", quick.latencies, p50=60, p95=120)
    done = quick.latencies.done
    seen = percentile(done, 0.5)
    yield Figure(name="trivial run_cell, p50", seen=seen, unit="ms", limit=130, detail=described(done))
    long = alone(browser, lab, "at_once", "long.ipynb")
    yield from appear_figures("agent that never thinks: cell appears", long.latencies, p50=None, p95=None)
    yield replayed(lab, long.run, long.entries[-1]["seq"])
    yield shown(browser, lab, long)
    with opened(browser, lab, lab.make_notebook("talk.ipynb")) as page:
        talk = watched(page, lab, "talk")
        yield smooth(page, talk)
    short = [alone(browser, lab, "one", f"one{number}.ipynb") for number in range(_STARTS)]
    yield first_cell([quick, long, talk, *short])
    eight = together(browser, lab, "steady")
    yield from appear_figures(f"{TOGETHER} runs: cell appears", eight, p50=None, p95=250)


def first_cell(runs: list[Watched]) -> Figure:
    times = [run.first_cell_s for run in runs]
    detail = f"median; {min(times):.1f} to {max(times):.1f} s, n = {len(times)}"
    seen = percentile(times, 0.5)
    return Figure(name="start to first cell, warm", seen=seen, unit="s", limit=_FIRST_CELL_S, detail=detail)


def without_collaboration(browser: Browser, lab: Lab) -> Iterator[Figure]:
    run = alone(browser, lab, "quick", "quick.ipynb")
    yield from appear_figures("no collaboration: cell appears", run.latencies, p50=None, p95=500)


def measured(labextension: Path, *, peer: bool) -> Iterator[Figure]:
    yield from server_half()
    with chromium() as browser:
        with serving(collaboration=True, labextension=labextension) as lab:
            lab.warm_up()
            with opened(browser, lab) as page:
                yield from bundle(labextension, page)
            yield from with_collaboration(browser, lab)
            if peer:
                yield from compared(browser, lab)
        with serving(collaboration=False, labextension=labextension) as lab:
            lab.warm_up()
            yield from without_collaboration(browser, lab)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--no-peer", action="store_true", help="leave jupyter-mcp-server out")
    parser.add_argument("--labextension", type=Path, default=ROOT / "interp_bench_ext" / "labextension")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    figures = told(measured(options.labextension, peer=not options.no_peer))
    return 1 if report(figures, title="JupyterLab", load=load) and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
