"""JupyterLab with Interp Bench: links follow notebooks, and runs are shown whatever holds the page's WebSockets back.

Links are tried 50 times after a rename, a move or a duplicate, in mid-run and after it. With ``--check`` the exit
status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import ROOT
from lab.browser import chromium
from lab.figures import Figure, report, told
from lab.links import links
from lab.serving import serving
from lab.starts import hung_handshake, second_start


@contextlib.contextmanager
def hole() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as taken:
        yield int(taken.getsockname()[1])


def measured(labextension: Path) -> Iterator[Figure]:
    for collaboration in (True, False):
        with (
            chromium() as browser,
            hole() as port,
            serving(collaboration=collaboration, labextension=labextension) as lab,
        ):
            lab.warm_up()
            yield from links(browser, lab, collaboration=collaboration)
            if collaboration:
                yield from second_start(browser, lab)
                finished = lab.start("one", "finished.ipynb")
                lab.ended(finished)
                yield from hung_handshake(browser, lab, run=finished, hole=port)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--labextension", type=Path, default=ROOT / "interp_bench_ext" / "labextension")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    figures = told(measured(options.labextension))
    return 1 if report(figures, title="JupyterLab, when things move", load=load) and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
