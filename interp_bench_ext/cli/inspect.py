"""Commands that look: configs, techniques, runs, reports, scores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..api import Passage
from ..config import load_config
from ..errors import BadInput, ConfigError
from ..installed import find_config, installed_configs, technique_files, technique_folders
from ..organisms.placement import place_of
from ..record.agents import agent_of
from ..record.events import FindingsSubmitted, RunForked, Scored
from ..record.journal import Journal, RunRecord
from ..record.scores import verdict
from .options import JsonOption, RunArgument
from .screen import complain, output, print_json, print_rows
from .technique_names import find_technique

if TYPE_CHECKING:
    from ..outcome import Outcome


def configs(json: JsonOption = False) -> None:
    """List the configs that are installed."""
    rows = []
    for name, file in sorted(installed_configs().items()):
        try:
            experiment = load_config(file)
            public = experiment.public
            rows.append((name, place_of(experiment).name, str(public.access), public.description))
        except BadInput as error:
            rows.append((name, "broken", "", str(error).splitlines()[0]))
    # What runs here comes first.
    rows.sort(key=lambda row: (row[1] != "local", row[0]))
    if json:
        print_json([dict(zip(("name", "runs on", "access", "description"), row, strict=True)) for row in rows])
        return
    print_rows(("name", "runs on", "access", "description"), rows, cut=("description",))


def techniques(
    name: Annotated[str | None, typer.Argument(help="One technique, in full; a short name will do.")] = None,
) -> None:
    """List the techniques, or show the documentation of one."""
    from ..host.technique_files import read_spec

    files = technique_files(technique_folders())
    if name is None:
        specs = [read_spec(file) for file in files.values()]
        rows = [(spec.name, " ".join(spec.short_names), str(spec.access), spec.summary) for spec in specs]
        print_rows(("technique", "short", "access", "what it does"), rows, cut=("what it does",))
        return
    spec = find_technique(name, files)
    output.print(f"organism.{spec.signature}  [{spec.access}]\n\n{spec.doc}", markup=False)


def validate(
    paths: Annotated[list[str], typer.Argument(help="Config files, names, or folders of configs.")],
) -> None:
    """Check configs; every problem is one line with its file, line and column."""
    bad = 0
    for file in _files(paths):
        try:
            load_config(file)
            output.print(f"{file}: good", markup=False, soft_wrap=True)
        except ConfigError as error:
            bad += 1
            complain(str(error))
    if bad:
        raise typer.Exit(2)


def runs(json: JsonOption = False) -> None:
    """List all runs, newest first."""
    journal = Journal()
    rows = [_row(journal, record) for record in journal.runs()]
    if json:
        print_json(rows)
        return
    columns = ("run", "began", "experiment", "agent", "came to", "notebook")
    print_rows(columns, map(_line, rows), cut=("agent", "came to", "notebook"))


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    began = datetime.fromtimestamp(row["created"]).strftime("%m-%d %H:%M")
    fork = f", fork of {row['forked_from']}" if row["forked_from"] else ""
    return (row["run"], began, row["experiment"], row["agent"], row["came_to"] + fork, Path(row["notebook"]).name)


def _row(journal: Journal, record: RunRecord) -> dict[str, Any]:
    """One run in a list; ``created`` is Unix time in seconds."""
    scored = journal.last(record.id, Scored)
    return {
        "run": record.id,
        "experiment": record.experiment,
        "status": record.status,
        "agent": agent_of(journal, record.id),
        "created": record.created,
        "came_to": verdict(scored.score) if scored else f"{record.status}{_claims(journal, record.id)}",
        "forked_from": _parent(journal, record.id),
        "notebook": str(record.notebook),
    }


_SHOWN_OTHERWISE = (
    "client_reach",
    "findings",
    "score",
    "provenance",
    "budgets",
    "steps",
    "minutes",
    "tokens",
    "tokens_estimated",
    "tokens_told_by",
    "cache_read_share",
    "cost_usd",
)
"""Keys of an outcome that have rows of their own."""


def show(run: RunArgument, json: JsonOption = False) -> None:
    """What a run came to: its config, findings, score, notebook, report, and what it was made of."""
    from ..outcome import comparison, read_outcome

    journal = Journal()
    record = journal.find_run(run)
    outcome = read_outcome(journal, record)
    beside = comparison(journal, record.id) if outcome.score else None
    weights = _replaced_weights(record)
    if json:
        more = {"comparison": beside.model_dump() if beside else None, "weights_replaced": weights}
        own = {"config": str(record.config), "forked_from": _parent(journal, record.id), **more}
        print_json({**outcome.summary(), **own})
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    own_rows = {"config": record.config, "forked from": _parent(journal, record.id), "veil": outcome.veil_line}
    shown = {**outcome.summary(), **own_rows}
    for key, value in shown.items():
        if key not in _SHOWN_OTHERWISE and value not in (None, ""):
            table.add_row(key.replace("_", " "), escape(str(value)))
    for meter in outcome.figures.meters():
        table.add_row(meter.budget.name, meter.text)
    if outcome.cache_read_share is not None:
        table.add_row("read from the cache", f"{outcome.cache_read_share:.0%} of the input")
    for finding in outcome.findings.findings if outcome.findings else ():
        table.add_row("finding", escape(finding.claim))
    table.add_row("score", outcome.verdict or "not scored")
    for line in beside.lines() if beside else ():
        table.add_row("", line)
    for name, value in _made_of(outcome, weights):
        table.add_row(name, escape(value))
    output.print(table)


def _made_of(outcome: Outcome, weights: str) -> Iterator[tuple[str, str]]:
    """The rows of a run's provenance, its weights' revisions among them: a terminal is its owner's."""
    for name, value in outcome.provenance.model_dump().items() if outcome.provenance else ():
        yield f"{name} digest" if name in ("config", "organism", "techniques", "instructions") else name, str(value)
    yield "weights", outcome.weights
    for revision in outcome.revisions:
        yield "", str(revision)
    if weights:
        yield "", weights
    yield "program", ", ".join(outcome.programs)
    yield "served by", ", ".join(f"{model} ({replies} replies)" for model, replies in outcome.served_models.items())


def _replaced_weights(record: RunRecord) -> str:
    """What its config says of weights that were replaced under one name; empty where nothing, or it is gone."""
    try:
        return load_config(record.config).replaced_weights
    except ConfigError:
        return ""


def report(run: RunArgument) -> None:
    """Write the run's report, one self-contained HTML page beside its notebook, and print its path."""
    from ..outcome import write_report

    journal = Journal()
    typer.echo(write_report(journal, journal.find_run(run)))


def score(run: RunArgument, json: JsonOption = False) -> None:
    """Compare the run's findings with the ground truth, beside the other runs of its condition."""
    from ..models.key import Key
    from ..outcome import comparison, conclude
    from ..record.veil_words import client_reach

    journal = Journal()
    record = journal.find_run(run)
    outcome = asyncio.run(conclude(journal, record, load_config(record.config), key=Key.from_environment()))
    if outcome.score is None:
        raise BadInput(f"run {record.id} cannot be scored: it has no findings yet, or its config has no evaluation")
    beside = comparison(journal, record.id)
    if json:
        veil = {"veil": outcome.veil, "client_reach": client_reach(outcome.agent)}
        print_json({"score": outcome.score.model_dump(exclude_none=True), "comparison": beside.model_dump(), **veil})
        return
    output.print(outcome.verdict, style="bold")
    output.print(f"veil: {outcome.veil_line}", markup=False, soft_wrap=True)
    for line in beside.lines():
        output.print(line, markup=False, soft_wrap=True)


def reveal(run: RunArgument, json: JsonOption = False) -> None:
    """What a scored run's organism hid, beside what the run claims."""
    from ..outcome import revealed

    journal = Journal()
    record = journal.find_run(run)
    found = revealed(journal, record, load_config(record.config))
    if json:
        print_json(found.model_dump())
        return
    output.print("hidden", style="bold")
    for passages in (found.secret or [Passage(text="nothing: this organism is a null")], found.trigger):
        if passages is not None:
            output.print(_underlined(passages), soft_wrap=True)
    output.print("claimed", style="bold")
    for claim in found.claims or [[Passage(text="nothing")]]:
        output.print(_underlined(claim), soft_wrap=True)


def _underlined(passages: list[Passage]) -> Text:
    return Text.assemble(*((part.text, "underline" if part.matched else "") for part in passages))


def _files(paths: list[str]) -> list[Path]:
    files: list[Path] = []
    for name in paths:
        path = Path(name)
        files.extend(sorted(path.glob("*.y*ml")) if path.is_dir() else [find_config(name)])
    if not files:
        raise BadInput("there is no .yaml file in the folder given; name a folder with configs")
    return files


def _parent(journal: Journal, run: str) -> str | None:
    """Id of the run that this one began as a copy of."""
    forked = journal.last(run, RunForked)
    return forked.parent if forked else None


def _claims(journal: Journal, run: str) -> str:
    submitted = journal.last(run, FindingsSubmitted)
    if submitted is None:
        return ""
    number = len(submitted.findings)
    return f", {number or 'no'} finding{'' if number == 1 else 's'}"
