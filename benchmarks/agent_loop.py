"""The agent's loop over hours: what a step costs, what is cached, budgets to the token, and runs that are killed.

Everything is real but the model behind the agent, which is a script at a loopback Messages server. With ``--check`` the
exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from agent.hours import hours
from agent.kills import KILLS, kills
from agent.overhead import cache_share, overhead
from lab.figures import Figure, report, told

PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "overhead": overhead,
    "cache": cache_share,
    "hours": hours,
    "kills": kills,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, and nothing else")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    parser.add_argument("--kills", type=int, default=KILLS, help="how often the killed run is killed")
    options = parser.parse_args()
    PARTS["kills"] = partial(kills, options.kills)
    load = os.getloadavg()[0]
    figures = told(figure for part in options.parts or PARTS for figure in PARTS[part]())
    if options.json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures], "load": load, "cpus": os.cpu_count()}))
        missed = any(figure.missed for figure in figures)
    else:
        missed = report(figures, title="The agent's loop", load=load, width=160)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
