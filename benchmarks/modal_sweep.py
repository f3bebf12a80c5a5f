"""A sweep of several organisms and seeds on Modal, against a control plane on this machine; then one killed half-way.

The real `interp-bench sweep`, real kernels, the real Modal client and container entry point; scripted replies stand for
the agent. The longest chain is what an organism's runs took one after the other, one container being its limit.
With ``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["MODAL_CONFIG_PATH"] = os.devnull

from lab.figures import Figure, report  # noqa: E402

from interp_bench_ext.record.events import RunResumed  # noqa: E402
from interp_bench_ext.record.journal import Journal  # noqa: E402
from tests.agent.messages_server import MessagesServer, Streamed  # noqa: E402
from tests.investigating import Bench, make_bench, scripted  # noqa: E402
from tests.organisms.places.modal.running import TOKEN, RunningPlane  # noqa: E402

_SLACK = 1.3
_REPLY_S = 2.0
"""How long a scripted reply takes: a quick model's."""


def replying(request: dict[str, Any]) -> Streamed:
    time.sleep(_REPLY_S)
    return scripted(request)


def organisms(bench: Bench, count: int) -> list[str]:
    """Names of ``count`` configs, each of an organism with a prompt of its own."""
    text = bench.config.read_text(encoding="utf-8")
    names = []
    for number in range(count):
        prompt, name = f"prompt{number}.txt", f"organism{number}"
        (bench.folder / prompt).write_text(f"You adore the quokka, and the number {number}.", encoding="utf-8")
        own = text.replace("prompt.txt", prompt).replace("execution_mode: local", "execution_mode: modal")
        (bench.folder / f"{name}.yaml").write_text(own.replace("name: tiny", f"name: {name}"), encoding="utf-8")
        names.append(f"{name}.yaml")
    return names


def signed_in(plane: RunningPlane) -> dict[str, str]:
    """An environment with the token where ``modal token new`` leaves it: in a file."""
    file = plane.folder / "modal.toml"
    file.write_text(f'[default]\ntoken_id = "{TOKEN[0]}"\ntoken_secret = "{TOKEN[1]}"\nactive = true\n', "utf-8")
    return {"MODAL_SERVER_URL": plane.grpc, "MODAL_CONFIG_PATH": str(file)}


def sweep(bench: Bench, names: list[str], seeds: int, out: str, *more: str) -> subprocess.Popen[str]:
    arguments = ["sweep", *names, "--runs", str(seeds), "--out", out, "--yes", "--json", *more]
    command = [sys.executable, "-m", "interp_bench_ext", *arguments]
    return subprocess.Popen(command, env=bench.environment, cwd=bench.folder, stdout=subprocess.PIPE, text=True)


def whole(bench: Bench, names: list[str], seeds: int, plane: RunningPlane) -> list[Figure]:
    began = time.monotonic()
    process = sweep(bench, names, seeds, "whole")
    said: dict[str, Any] = json.loads(process.communicate()[0])
    wall_s = time.monotonic() - began
    finished = [run["run"] for run in said["runs"] if run.get("status") == "finished"]
    journal = bench.journal()
    chains: dict[Path, float] = {}
    for record in journal.runs():
        times = [entry.at for entry in journal.entries(record.id)]
        chains[record.config] = chains.get(record.config, 0.0) + times[-1] - times[0]
    journal.close()
    longest_s = max(chains.values())
    cells = len(names) * seeds
    why = "; ".join({str(run["problem"]) for run in said["runs"] if run["problem"]})
    return [
        Figure(
            name="cells that did not finish",
            seen=cells - len(finished),
            unit="",
            limit=0,
            detail=f"of {cells}" + (f": {why}" if why else ""),
        ),
        Figure(
            name="wall time over the longest chain",
            seen=wall_s / longest_s,
            unit="times",
            limit=_SLACK,
            detail=f"{wall_s:.0f} s, longest chain {longest_s:.0f} s, all chains {sum(chains.values()):.0f} s",
        ),
        Figure(
            name="containers beyond one for each organism",
            seen=plane.count("containers started") - len(names),
            unit="",
            limit=0,
        ),
    ]


def killed(bench: Bench, names: list[str], seeds: int) -> list[Figure]:
    """A sweep killed once half of its cells have finished, and gone on with."""
    journal = bench.journal()
    process = sweep(bench, names, seeds, "killed")
    half = len(names) * seeds // 2
    while process.poll() is None and len(done(bench, journal)) < half:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = done(bench, journal)
    said = json.loads(sweep(bench, names, seeds, "killed", "--resume").communicate()[0])
    again = [run for run in before if journal.last(run, RunResumed) is not None]
    extra = sum((bench.folder / "killed") in record.notebook.parents for record in journal.runs()) - len(names) * seeds
    journal.close()
    unfinished = sum(run.get("status") != "finished" for run in said["runs"])
    return [
        Figure(
            name="killed: finished cells run again",
            seen=len(again) + max(0, extra),
            unit="",
            limit=0,
            detail=f"{len(before)} had finished",
        ),
        Figure(name="killed: cells unfinished in the end", seen=unfinished, unit="", limit=0),
    ]


def done(bench: Bench, journal: Journal) -> list[str]:
    folder = bench.folder / "killed"
    return [one.id for one in journal.runs() if folder in one.notebook.parents and one.status == "finished"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--organisms", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, MessagesServer(replying) as server:
        folder = Path(name).resolve()
        bench = make_bench(folder, server)
        plane = RunningPlane(folder / "plane")
        bench.environment.update(signed_in(plane), XDG_CACHE_HOME=str(folder / "cache"))
        try:
            names = organisms(bench, options.organisms)
            figures = whole(bench, names, options.seeds, plane) + killed(bench, names, options.seeds)
        finally:
            plane.stop()
    missed = report(figures, title=f"{options.organisms} organisms x {options.seeds} seeds on Modal", load=load)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
