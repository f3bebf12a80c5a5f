"""The tools that a client has beside the agent's own: they choose, start and end runs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from ..agent.tools import Tool, ToolResult
from ..agent.tools.schema import tool
from ..api import BudgetMeter, Command, ConfigCard, ForkRun, ResumeRun, RunSummary, StartRun
from ..errors import BadInput
from ..wrong_input import first_problem
from .clients import Client, Clients, Lead, led_by_client

_LISTED_RUNS = 10
Request = TypeVar("Request", bound=Command)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls a verb, and how it hears what goes on meanwhile."""

    clients: Clients
    client: Client
    hearing: Callable[[Lead], AbstractAsyncContextManager[None]]
    """While this is open, the client is told how far the run is."""


async def list_configs(caller: Caller) -> ToolResult:
    """List the organisms that can be investigated here, as configs by name. It says nothing of what they are."""
    cards = await asyncio.to_thread(caller.clients.runs.catalog.cards)
    lines = [_card(card) for card in cards if card.problem is None]
    return ToolResult.text("\n".join([*lines, *_obstacles(cards)]) or "There are no configs here.")


async def start_run(
    caller: Caller,
    *,
    config: str,
    notebook: str | None = None,
    max_steps: int | None = None,
    max_minutes: float | None = None,
    approval: Literal["ask", "ask_first"] | None = None,
    seed: int | None = None,
) -> ToolResult:
    """Start an investigation and read its instructions. It loads a model, which takes from seconds to minutes.

    What the instructions say holds for the whole run. Carry it through with the other tools, and end it with
    submit_findings.

    Args:
        config: A name from list_configs.
        notebook: Path of a new notebook, or of one of yours, such as `bees.ipynb`; none means a new one.
        max_steps: How many tool calls the run may have, where the person wants another number than the config's.
        max_minutes: How many minutes it may take, likewise; your own time between two calls does not count.
        approval: `ask`: the person allows each cell in JupyterLab's sidebar; `ask_first`: the first one only.
        seed: Seed of the run, likewise.
    """
    asked = _asked(
        StartRun,
        config=config,
        notebook=notebook,
        max_steps=max_steps,
        max_minutes=max_minutes,
        approval=approval,
        seed=seed,
    )
    return await _instructions(caller, await caller.clients.start(caller.client, asked))


async def resume_run(
    caller: Caller, *, run: str, max_steps: int | None = None, max_minutes: float | None = None
) -> ToolResult:
    """Go on with a run that ended early, or whose connection was lost: its instructions, and how far it got.

    Args:
        run: Its id, such as `0c4f21ab`, which start_run has told you.
        max_steps: A new limit of tool calls over the whole run, if the person gives one.
        max_minutes: A new limit of minutes over the whole run, likewise.
    """
    asked = _asked(ResumeRun, max_steps=max_steps, max_minutes=max_minutes)
    return await _instructions(caller, await caller.clients.resume(caller.client, run, asked))


async def fork_run(
    caller: Caller,
    *,
    run: str,
    at: str | None = None,
    notebook: str | None = None,
    max_steps: int | None = None,
    max_minutes: float | None = None,
) -> ToolResult:
    """Go another way from a cell of a run: a new run, in a notebook of its own, that begins as a copy of that one.

    Args:
        run: Id of a run of yours, which stays as it is; it may have ended.
        at: The cell after which the copy goes its own way, such as `c7`; none means the one that ended last.
        notebook: Path of the new notebook, where nothing is yet; none means one beside the other.
        max_steps: How many tool calls the new run may have, where the person wants another number.
        max_minutes: How many minutes it may take, likewise.
    """
    asked = _asked(ForkRun, at=at, notebook=notebook, max_steps=max_steps, max_minutes=max_minutes)
    return await _instructions(caller, await caller.clients.fork(caller.client, run, asked))


async def run_status(caller: Caller, *, run: str | None = None) -> ToolResult:
    """How a run stands, and what came of its last call if a lost connection has kept that from you.

    Args:
        run: Its id, of a run of yours; none means the one that you lead.
    """
    clients = caller.clients
    if run is None:
        if not clients.leads(caller.client):
            return await _resumable(caller)
        run = clients.of(caller.client).run
    clients.own.check(caller.client, run)
    told = [{"type": "text", "text": summary_line(clients.runs.summary(run))}]
    lead = clients.lead_of(run)
    if lead is not None and lead.provider.ready and lead.provider.last is not None:
        told += [
            {"type": "text", "text": f"It waits for your next call. {_ends_after(lead)} The last it told you:"},
            *lead.provider.last.content,
        ]
    elif lead is not None and lead.provider.over and lead.provider.last is not None:
        told += lead.provider.last.content
    elif lead is not None:
        told.append({"type": "text", "text": f"A call is under way: {lead.follower.headline}."})
    return ToolResult(content=told)


async def stop_run(caller: Caller) -> ToolResult:
    """End your run now, without findings. It can be resumed."""
    lead = caller.clients.of(caller.client)
    return ToolResult.text(summary_line(await caller.clients.runs.stop(lead.run)))


VERBS: tuple[Tool, ...] = tuple(
    tool(verb) for verb in (list_configs, start_run, resume_run, fork_run, run_status, stop_run)
)


def _asked(kind: type[Request], **fields: Any) -> Request:
    """A request to the runs. Raises BadInput in one sentence."""
    try:
        return kind(request_id=secrets.token_hex(8), **fields)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None


async def _instructions(caller: Caller, lead: Lead) -> ToolResult:
    """The run's instructions once it is ready, and where it stands; or why it ended before."""
    async with caller.hearing(lead):
        await lead.provider.opened()
    last = lead.provider.last
    content = [] if last is None else last.content
    if lead.provider.over:
        return ToolResult(content=content, is_error=True)
    told = instructions(caller.clients, lead)
    lead.instructed = not caller.client.gone.is_set()
    return ToolResult(content=[{"type": "text", "text": told}, *content])


def instructions(clients: Clients, lead: Lead) -> str:
    """What a client is told of its run before it begins or goes on: where, how, and what was thought so far."""
    summary = clients.runs.summary(lead.run)
    before = "; read_notebook shows what was done in it" if summary.figures.steps > 1 or summary.forked_from else ""
    lines = [
        f"Run {lead.run} is open; its notebook is {summary.notebook}{before}. {_ends_after(lead)} Its instructions:",
        "",
        lead.provider.system,
    ]
    if lead.follower.hypotheses:
        lines += ["", "## Hypotheses noted so far", "", *lead.follower.hypotheses]
    return "\n".join(lines)


def _ends_after(lead: Lead) -> str:
    return f"It ends, and can be resumed, when no call comes for {lead.provider.idle_s / 60:g} minutes."


async def _resumable(caller: Caller) -> ToolResult:
    summaries = [summary for summary in await caller.clients.runs.summaries() if _can_go_on(caller, summary)]
    if not summaries:
        return ToolResult.text(
            "You have no run to go on with; start_run begins one. A run of yours from before a lost connection is"
            " taken up again by its id, with resume_run."
        )
    lines = [summary_line(summary) for summary in summaries[:_LISTED_RUNS]]
    return ToolResult.text("You lead no run. resume_run goes on with one of these:\n" + "\n".join(lines))


def _can_go_on(caller: Caller, summary: RunSummary) -> bool:
    return (
        led_by_client(summary)
        and summary.notebook is not None
        and caller.clients.own.listed(caller.client, summary.id)
        and (summary.status in ("interrupted", "failed") or caller.clients.lead_of(summary.id) is not None)
    )


def summary_line(summary: RunSummary) -> str:
    waits = {"approval": ", waits for the person's approval", "paused": ", paused by the person", None: ""}
    why = f" ({summary.message})" if summary.message else ""
    budgets = [_used(meter) for meter in summary.figures.meters]
    return (
        f"Run {summary.id} of {summary.config} is {summary.status}{why}{waits[summary.waiting]}:"
        f" {', '.join(budgets)}; notebook {summary.notebook}."
    )


def _used(meter: BudgetMeter) -> str:
    limit = f" of {meter.limit_text}" if meter.limit_text else ""
    return f"{meter.budget} {meter.used_text}{limit}"


def _card(card: ConfigCard) -> str:
    described = f": {' '.join(card.description.split())}" if card.description else ""
    techniques = f"{len(card.techniques)} techniques"
    return f"- {card.name}{described} [access {card.access}, {techniques}, veil {card.veil}]"


def _obstacles(cards: Sequence[ConfigCard]) -> list[str]:
    """One line for each reason why configs cannot be started here."""
    names: dict[str, list[str]] = {}
    for card in cards:
        if card.problem is not None:
            names.setdefault(card.problem.removeprefix(f"{card.name}: "), []).append(card.name)
    return [f"These cannot be started here ({problem}): {', '.join(found)}" for problem, found in names.items()]
