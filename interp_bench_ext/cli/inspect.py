"""Commands that look: configs, techniques, runs, reports, scores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..config import load_config, replaced
from ..errors import BadInput, ConfigError
from ..installed import find_config, installed_configs, technique_files, technique_folders
from ..organisms.placement import place_of
from ..record.events import FindingsSubmitted, RunForked
from ..record.journal import Journal, RunRecord
from .options import JsonOption, RunArgument
from .screen import complain, console, print_json

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
    if json:
        print_json([dict(zip(("name", "runs on", "access", "description"), row, strict=True)) for row in rows])
        return
    table = Table("name", "runs on", "access", "description")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def techniques(name: Annotated[str | None, typer.Argument(help="One technique, in full.")] = None) -> None:
    """List the techniques, or show the documentation of one."""
    from ..host.technique_files import read_spec

    files = technique_files(technique_folders())
    if name is None:
        table = Table("technique", "access", "what it does")
        for file in files.values():
            spec = read_spec(file)
            table.add_row(spec.name, str(spec.access), spec.summary)
        console.print(table)
        return
    if name not in files:
        raise BadInput(f"there is no technique {name!r}; `interp-bench techniques` lists them")
    spec = read_spec(files[name])
    console.print(f"organism.{spec.signature}  [{spec.access}]\n\n{spec.doc}", markup=False)


def validate(
    paths: Annotated[list[str], typer.Argument(help="Config files, names, or folders of configs.")],
) -> None:
    """Check configs; every problem is one line with its file, line and column."""
    bad = 0
    for file in _files(paths):
        try:
            load_config(file)
            console.print(f"{file}: good", markup=False, soft_wrap=True)
        except ConfigError as error:
            bad += 1
            complain(str(error))
    if bad:
        raise typer.Exit(2)


def runs(json: JsonOption = False) -> None:
    """List all runs, newest first."""
    journal = Journal()
    rows = [(record, _claims(journal, record.id), _parent(journal, record.id)) for record in journal.runs()]
    if json:
        print_json(
            [
                {"run": record.id, "experiment": record.experiment, "status": record.status, "forked_from": parent}
                for record, _, parent in rows
            ]
        )
        return
    table = Table("run", "experiment", "status", "findings", "forked from", "notebook")
    for record, claims, parent in rows:
        table.add_row(record.id, record.experiment, record.status, claims, parent or "", str(record.notebook))
    console.print(table)


_SHOWN_OTHERWISE = (
    "client_reach",
    "findings",
    "score",
    "provenance",
    "budgets",
    "steps",
    "minutes",
    "tokens",
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
    table = Table(show_header=False)
    own_rows = {"config": record.config, "forked from": _parent(journal, record.id), "veil": outcome.veil_line}
    shown = {**outcome.summary(), **own_rows}
    for key, value in shown.items():
        if key not in _SHOWN_OTHERWISE:
            table.add_row(key, "" if value is None else str(value))
    for meter in outcome.figures.meters():
        table.add_row(meter.budget.name, meter.text)
    for finding in outcome.findings.findings if outcome.findings else ():
        table.add_row("finding", finding.claim)
    table.add_row("score", outcome.verdict)
    for line in beside.lines() if beside else ():
        table.add_row("", line)
    for name, value in _made_of(outcome, weights):
        table.add_row(name, value)
    console.print(table)


def _made_of(outcome: Outcome, weights: str) -> Iterator[tuple[str, str]]:
    """The rows of a run's provenance, its weights' revisions among them: a terminal is its owner's."""
    for name, value in outcome.provenance.model_dump().items() if outcome.provenance else ():
        yield f"{name} digest" if name in ("config", "organism", "techniques", "instructions") else name, str(value)
    yield "weights", outcome.weights
    for revision in outcome.revisions:
        yield "", str(revision)
    if weights:
        yield "", weights
    yield "served by", ", ".join(f"{model} ({replies} replies)" for model, replies in outcome.served_models.items())


def _replaced_weights(record: RunRecord) -> str:
    """What its config says of weights that were replaced under one name; empty where nothing, or it is gone."""
    try:
        model = load_config(record.config).sealed.model
    except ConfigError:
        return ""
    return replaced(model)


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
    console.print(outcome.verdict, style="bold")
    console.print(f"veil: {outcome.veil_line}", markup=False, soft_wrap=True)
    for line in beside.lines():
        console.print(line, markup=False, soft_wrap=True)


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
    return str(len(submitted.findings)) if submitted else ""
