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
from lab.figures import Figure
from rich.console import Console
from rich.table import Table

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
    figures = []
    for part in options.parts or PARTS:
        for figure in PARTS[part]():
            figures.append(figure)
            print(*figure.row(), sep=" | ", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures], "load": load, "cpus": os.cpu_count()}))
    else:
        show(figures, load)
    return 1 if options.check and any(figure.missed for figure in figures) else 0


def show(figures: list[Figure], load: float) -> None:
    """A table for people."""
    table = Table("figure", "limit", "seen", "", title="The agent's loop")
    for figure in figures:
        table.add_row(*figure.row(), style="red" if figure.missed else "")
    console = Console(width=160)
    console.print(table)
    console.print(f"{os.cpu_count()} CPUs; other work on them kept {load:.1f} busy when this began.")
    for figure in figures:
        if figure.missed:
            console.print(f"missed: {figure.name}, {figure.seen:.1f} {figure.unit} for {figure.limit:g}")


if __name__ == "__main__":
    sys.exit(main())
