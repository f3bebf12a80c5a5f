"""Runs and organisms of a server in the few words that a table has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..results.kit.safe_text import counted
from .listing import Listing
from .server_api import ServerApi

if TYPE_CHECKING:
    from ..api import ConfigCard, OrganismState, RunSummary

_RUNS_SHOWN = 8


def held_state(state: OrganismState | None, *, in_use: bool) -> str:
    """How an organism is; empty for one that is not loaded."""
    if state is None:
        return ""
    if state.state == "loading":
        return f"loading {100 * state.done // state.total} %" if state.total else "loading"
    name = state.stage if state.state == "lost" else f"{state.state} on {state.device}"
    return f"{name}, in use here" if in_use else name


def runs_here(card: ConfigCard) -> bool:
    """Whether a run of the config can be started on this server as it is."""
    return card.problem is None and card.obstacle is None


def runs_table(server_api: ServerApi, runs: Sequence[RunSummary], note: str) -> Listing:
    """Those under way and the newest of the others."""
    shown = sorted(runs, key=lambda run: run.status != "running")[:_RUNS_SHOWN]
    rows = [[run.id, run.experiment, _state(run), _steps(run), _cost(run), _latest(server_api, run)] for run in shown]
    counts = f"{counted(len(runs), 'run')}, {sum(run.status == 'running' for run in runs)} under way."
    return Listing(["run", "experiment", "state", "step", "cost", "last hypothesis or outcome"], rows, note + counts)


def _state(run: RunSummary) -> str:
    if run.status != "running":
        return run.status
    return {"approval": "waits for approval", "paused": "paused"}.get(run.waiting or "", "running")


def _steps(run: RunSummary) -> str:
    return _used(run, "max_steps")


def steps_left(run: RunSummary) -> str:
    """How many steps a run that waits for its next call may still take, that one included, in words."""
    meter = next(meter for meter in run.figures.meters if meter.field == "max_steps")
    left = None if meter.limit is None else round(meter.limit - (meter.used or 0)) + 1
    return "any number of steps" if left is None else f"{counted(left, 'step')} left"


def _cost(run: RunSummary) -> str:
    return _used(run, "max_cost_usd")


def _used(run: RunSummary, field: str) -> str:
    """How much of a budget is used, in the words of the server."""
    meter = next(meter for meter in run.figures.meters if meter.field == field)
    return f"{meter.used_text} of {meter.limit_text}" if meter.limit_text else meter.used_text


def run_table(server_api: ServerApi, run: RunSummary) -> Listing:
    """What one run's agent believes, each claim as it was noted last."""
    claims = {noted.claim: noted for noted in server_api.hypotheses(run.id)}
    rows = [
        [
            noted.claim,
            noted.status,
            " ".join(noted.evidence),
            "" if noted.effect_size is None else f"{noted.effect_size:+.2f}" + (f" (n = {noted.n})" if noted.n else ""),
        ]
        for noted in claims.values()
    ]
    parts = [run.experiment, _state(run), f"step {_steps(run)}", _cost(run), _used(run, "max_minutes"), *_outcome(run)]
    return Listing(["hypothesis", "status", "evidence", "effect"], rows, f"Run {run.id}: {', '.join(parts)}.")


def _latest(server_api: ServerApi, run: RunSummary) -> str:
    if run.status == "running":
        noted = server_api.hypotheses(run.id)
        return f"{noted[-1].claim} ({noted[-1].status})" if noted else ""
    return "; ".join(_outcome(run))


def _outcome(run: RunSummary) -> Iterator[str]:
    if run.findings is not None:
        yield counted(run.findings, "finding")
    yield from filter(None, (run.verdict, run.message if run.findings is None else ""))
