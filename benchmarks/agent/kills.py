"""One run whose process is killed again and again, beside the same run left alone: nothing doubled, nothing lost.

Each process is a real ``interp-bench run`` or ``resume`` with its own organism, notebook and sandboxed kernel.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from lab.figures import Figure

from interp_bench_ext.agent.state import RunState
from interp_bench_ext.notebook.closing import is_closing
from interp_bench_ext.notebook.reason import is_reason, reason_id
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import AgentReplied, RunEnded
from interp_bench_ext.record.journal import Entry, Journal
from tests.agent.messages_server import Streamed

from . import ROOT
from .answering import Answering, Served, answering
from .environment import RunEnvironment, environment
from .overhead import steady

KILLS, CELLS = 50, 60
_MOST_EVENTS = 45
"""A process is killed after up to so many new events; a step of the script has about twenty."""
_LOOK_S, _GONE_S = 0.002, 10.0
_SEED = 4


def sixty_cells(request: dict[str, Any]) -> Streamed:
    return steady(CELLS, request)


@dataclass
class Killer:
    """Drives runs as a person does, in processes that it may kill."""

    around: RunEnvironment
    server: Answering
    kills: int
    draw: random.Random
    left_behind: int = 0
    """Processes that outlived the one that had started them."""

    def whole(self) -> str:
        """A run that is left alone; returns its id."""
        with self._command("run", str(self.around.experiment.path), "--out", str(self.around.folder / "out")) as run:
            _, complaints = run.communicate()
        assert run.returncode == 0, complaints
        return self.around.journal.runs()[0].id

    def killed(self) -> tuple[str, Counter[str]]:
        """A run that is killed and then let end; returns its id and after which events it was killed."""
        fell: Counter[str] = Counter()
        known = len(self.around.journal.runs())
        with self._command(
            "run", str(self.around.experiment.path), "--out", str(self.around.folder / "out")
        ) as process:
            while len(self.around.journal.runs()) == known:
                time.sleep(_LOOK_S)
            run = self.around.journal.runs()[0].id
            fell[self._kill(process, run)] += 1
        while sum(fell.values()) < self.kills:
            with self._command("resume", run) as process:
                fell[self._kill(process, run)] += 1
        with self._command("resume", run) as process:
            _, complaints = process.communicate()
        assert process.returncode == 0, complaints
        return run, fell

    def _kill(self, process: subprocess.Popen[str], run: str) -> str:
        """Kill the process after some of its events, and a moment more; returns the last event's type."""
        journal = self.around.journal
        at = journal.last_seq(run) + self.draw.randint(1, _MOST_EVENTS)
        while journal.last_seq(run) < at and process.poll() is None:
            time.sleep(_LOOK_S)
        time.sleep(self.draw.uniform(0, 0.05))
        if process.poll() is not None:
            raise RuntimeError(f"the run ended before it was killed: {process.communicate()}")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _, alive = psutil.wait_procs(children, timeout=_GONE_S)
        self.left_behind += len(alive)
        return str(list(journal.entries(run, after=journal.last_seq(run) - 1))[0].event.type)

    def _command(self, *arguments: str) -> subprocess.Popen[str]:
        folder = self.around.folder
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "data"),
            "ANTHROPIC_API_KEY": "sk-ant-loopback",
            "ANTHROPIC_BASE_URL": self.server.url,
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "127.0.0.1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "interp_bench_ext", *arguments],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def kills(count: int = KILLS) -> Iterator[Figure]:
    """What differs between the killed run and the one left alone; every figure must be 0."""
    with answering(sixty_cells) as server, environment() as around:
        killer = Killer(around, server, count, random.Random(_SEED))
        journal = around.journal
        whole = list(journal.entries(killer.whole()))
        before = len(server.served())
        begin = time.monotonic()
        run, fell = killer.killed()
        minutes = (time.monotonic() - begin) / 60
        entries = list(journal.entries(run))
        where = ", ".join(f"{kind} {count}" for kind, count in fell.most_common())
        yield _figure(
            "killed: did not finish", int(_status(entries) != "finished"), f"{minutes:.1f} min; after {where}"
        )
        yield _figure("killed: cells doubled or lost", *_cells(whole, entries, _notebook(journal, run)))
        said = [event.cell_id for event in (e.event for e in entries) if isinstance(event, CellAdded) and event.reason]
        lines = _lines(journal, run)
        wrong = abs(len(said) - len(lines)) + sum(a != b for a, b in zip(said, lines, strict=False))
        yield _figure("killed: what the agent said above its steps", wrong, f"{len(lines)} lines for {len(said)}")
        yield _figure("killed: steps and tokens miscounted", *_miscounted(whole, entries, server.served()[before:]))
        yield _figure("killed: processes left behind", killer.left_behind, f"{count} kills")


def _figure(name: str, seen: float, detail: str) -> Figure:
    return Figure(name=name, seen=seen, unit="", limit=0, detail=detail)


def _status(entries: Sequence[Entry]) -> str:
    ended = entries[-1].event
    return ended.status if isinstance(ended, RunEnded) else "scored" if ended.type == "scored" else ""


def _notebook(journal: Journal, run: str) -> list[tuple[str, str, str]]:
    """Id, source and text output of each cell, but for what the agent said above a step and what tells the end."""
    return [
        (
            cell["id"],
            "".join(cell["source"]),
            "".join("".join(output.get("text", "")) for output in cell.get("outputs", [])),
        )
        for cell in _saved(journal, run)
        if not is_reason(cell["id"], run) and not is_closing(cell["id"], run)
    ]


def _saved(journal: Journal, run: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(Path(journal.find_run(run).notebook).read_text(encoding="utf-8"))["cells"]
    return cells


def _lines(journal: Journal, run: str) -> list[str]:
    """The cells above which the agent said something, in the notebook's order."""
    ids = [cell["id"] for cell in _saved(journal, run)]
    return [below for above, below in pairwise(ids) if above == reason_id(below, run)]


def _cells(whole: Sequence[Entry], entries: Sequence[Entry], cells: list[tuple[str, str, str]]) -> tuple[int, str]:
    added = [(event.cell_id, event.source) for event in (e.event for e in entries) if isinstance(event, CellAdded)]
    wanted = [(event.cell_id, event.source) for event in (e.event for e in whole) if isinstance(event, CellAdded)]
    said = [text for _, _, text in cells[2:]]
    wrong = sum(a != w for a, w in zip(added[1:], wanted[1:], strict=False)) + abs(len(added) - len(wanted))
    wrong += sum(a[:2] != c[:2] for a, c in zip(added, cells, strict=False)) + abs(len(added) - len(cells))
    wrong += sum(text != f"counted [{n}, {n + 1}]\n" for n, text in enumerate(said, start=1))
    wrong += sum(entry.seq != number for number, entry in enumerate(entries, start=1))
    return wrong, f"{len(cells)} in the notebook, {len(added)} in the journal, {len(wanted)} without a kill"


def _miscounted(whole: Sequence[Entry], entries: Sequence[Entry], served: Sequence[Served]) -> tuple[int, str]:
    """By how much the counters differ from the unkilled run's, and from the account of the replies that arrived."""
    alone, state = RunState(), RunState()
    for entry in whole:
        alone.apply(entry.event, entry.at)
    for entry in entries:
        state.apply(entry.event, entry.at)
    replies = sum(isinstance(entry.event, AgentReplied) for entry in entries)
    # A reply that a kill cut off was asked for again; the one that arrived is the last with its calls.
    arrived = {answer.calls: answer for answer in served}.values()
    tokens = sum(answer.tokens for answer in arrived)
    steps, counted = state.figures.steps, state.figures.tokens
    wrong = abs(steps - alone.figures.steps) + abs(replies - steps) + abs(len(arrived) - replies)
    wrong += abs(counted - tokens)
    detail = (
        f"{steps} steps and {replies} replies for {alone.figures.steps}; {counted:,}"
        f" tokens counted, {tokens:,} served; {len(served) - len(arrived)} replies cut off"
    )
    return wrong, detail
