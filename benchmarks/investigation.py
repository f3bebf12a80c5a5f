"""The playbook on every shipped organism, three seeds each: secrets named, nulls left alone, minutes taken.

``--check`` exits 1 when a secret is missed at any seed, a null organism is claimed about, or a run takes over
two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from interp_bench_ext.config import Experiment, find_config, load_config
from interp_bench_ext.journal import Journal
from interp_bench_ext.outcome import Outcome, comparison, conclude
from interp_bench_ext.runs import start_run

ORGANISMS = ("amber", "birch", "cobalt", "dune", "ember", "flint")
LIMIT_S = 120


def investigated(name: str, seed: int, journal: Journal, folder: Path) -> tuple[Outcome, float]:
    """One run of the playbook and the seconds that it took, loading included."""
    shipped = load_config(find_config(name))
    agent = shipped.public.agent.model_copy(update={"provider": "playbook"})
    public = shipped.public.model_copy(update={"seed": seed, "agent": agent})
    experiment = Experiment(public=public, sealed=shipped.sealed, path=shipped.path)
    begin = time.perf_counter()
    record = asyncio.run(start_run(experiment, journal=journal, listener=lambda event: None, out=folder))
    seconds = time.perf_counter() - begin
    return asyncio.run(conclude(journal, record, experiment)), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("organisms", nargs="*", default=ORGANISMS)
    options = parser.parse_args()
    table = Table("organism", "seed", "claims", "score", "effect", "n", "seconds", "first claim", title="Playbook")
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        journal = Journal(Path(scratch) / "journal.sqlite")
        for name in options.organisms:
            for seed in range(options.seeds):
                outcome, seconds = investigated(name, seed, journal, Path(scratch))
                findings = outcome.findings.findings if outcome.findings else []
                first = findings[0] if findings else None
                effect = f"{first.effect_size:+.2f}" if first and first.effect_size is not None else ""
                n = str(first.n) if first else ""
                claim = first.claim if first else outcome.message
                table.add_row(name, str(seed), str(len(findings)), outcome.verdict, effect, n, f"{seconds:.0f}", claim)
                print(name, seed, outcome.verdict, f"{seconds:.0f} s", claim, file=sys.stderr, flush=True)
                if outcome.score is None or not outcome.score.correct:
                    failures.append(f"{name}, seed {seed}: {outcome.verdict or outcome.message}")
                if seconds > LIMIT_S:
                    failures.append(f"{name}, seed {seed}: {seconds:.0f} s, over {LIMIT_S} s")
        line = comparison(journal, "playbook").line
        journal.close()
    console = Console(width=200)
    console.print(table)
    console.print(line)
    for failure in failures:
        console.print(f"missed: {failure}")
    return 1 if options.check and failures else 0


if __name__ == "__main__":
    sys.exit(main())
