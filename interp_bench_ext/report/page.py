"""The report's page: one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..api import Reveal
from ..output_filter.cleaner import Cleaner
from ..record.cells import Cell
from ..record.events import Event
from ..record.provenance import Revision
from ..record.scores import Comparison
from ..record.veil_words import ELSEWHERE, client_reach, veil_line
from .budgets import budgets_view, tokens_by_kind
from .fold import Note, Reading, Step, Story, fold
from .formats import cost, count, duration, effect, moment
from .outputs import Shown, source_html
from .provenance import provenance_view
from .score import score_view

_STATUS = {
    "finished": ("finished", "good"),
    "failed": ("failed", "bad"),
    "interrupted": ("interrupted", "warn"),
    "running": ("still running", "accent"),
}
_VEILS = {
    "sandboxed": "the agent's code ran in a sandbox",
    "process": "the agent's code ran in a plain process",
}
_READING_TONES = {"supported": "good", "refuted": "bad", "open": ""}
_CELL_STATES = {
    "ok": "", "error": "raised an error", "interrupted": "interrupted", "timeout": "took too long",
    "kernel_died": "the kernel died", "running": "was running",
}  # fmt: skip
_FAILED_STATES = {"error", "timeout", "kernel_died"}
_OF_FINDING = re.compile(r"Finding (\d+): (.*)", re.DOTALL)
_MARKS = str.maketrans("", "", "*`#")


def render_report(
    *,
    events: Sequence[tuple[int, float, Event]],
    title: str,
    comparison: Comparison | None = None,
    revisions: Sequence[Revision] = (),
    truth: Reveal | str = "",
) -> str:
    """The report of a run.

    Args:
        events: Number in the run, unix time, event; in order.
        title: What the page is called.
        comparison: What stands beside the run's score.
        revisions: What its organism's weights are; only for a run with a score.
        truth: What a scored run looked for; or the address of the page that shows it.

    Returns:
        One HTML page. Nothing in it runs, and nothing in it is loaded from elsewhere.
    """
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    css = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    page = environment.get_template("report.html.j2")
    provenance = provenance_view([event for _, _, event in events], revisions)
    with Cleaner() as cleaner:
        view = _view(fold(events), comparison, Shown(cleaner))
    asked = isinstance(truth, Reveal)
    shown = {"truth": truth if asked else None, "revealed_at": "" if asked else truth}
    return page.render(title=title, css=Markup(css), provenance=provenance, **shown, **view)


def _view(story: Story, comparison: Comparison | None, shown: Shown) -> dict[str, Any]:
    public = story.started.public if story.started else {}
    label, tone = _STATUS[story.status]
    return {
        "status": {"label": label, "tone": tone},
        "description": public.get("description", ""),
        "task": str(public.get("task", "")).strip(),
        "facts": list(_facts(story)),
        "banner": _banner(story),
        "findings": [_finding(story, number) for number in range(1, len(story.findings or ()) + 1)],
        "problems": _problems(story, None),
        "nothing": _nothing(story),
        "summary": shown.markdown(story.summary) if story.summary.strip() else "",
        "score": score_view(story.score, comparison, veil=_veil(story)) if story.score else None,
        "budgets": budgets_view(story.figures),
        "hypotheses": [_hypothesis(story, claim, seen) for claim, seen in story.hypotheses.items()],
        "steps": _steps(story),
        "course": _course(story),
        "items": [_cell(story, item, shown) if isinstance(item, Cell) else _note(item, shown) for item in story.items],
        "footer": f"Made by Interp Bench from {count(len(story.cells.by_id), 'cell')} of the run's journal.",
    }


def _facts(story: Story) -> Iterable[dict[str, str]]:
    started = story.started
    if started is not None:
        yield _fact("Experiment", started.public.get("experiment_name") or "unnamed")
        model = (started.public.get("agent") or {}).get("model") if started.agent != "playbook" else None
        yield _fact("Agent", story.agent, str(model or ""))
    if story.first is not None:
        yield _fact("Duration", duration(story.figures.clock.active_s), moment(story.first))
    if story.organism is not None:
        yield _fact("Device", story.organism.device, f"organism ready after {duration(story.organism.load_s)}")
    if story.veil:
        reach = client_reach(started.agent) if started is not None else ""
        where = ELSEWHERE if _remote(story) else ""
        detail = "; ".join(part for part in (where, _VEILS.get(story.veil, ""), reach) if part)
        yield _fact("Veil", "remote" if where else story.veil, detail)
    figures = story.figures
    if figures.output_tokens:
        by = f", {figures.told_by}'s own count" if figures.told_by else ""
        yield _fact("Cost", cost(figures.cost), f"{tokens_by_kind(figures)}{by}")
    yield _fact("Work", count(figures.steps, "step"), count(len(story.cells.by_id), "cell"))
    if started is not None:
        yield _fact("Seed", str(started.seed))


def _veil(story: Story) -> str:
    agent = story.started.agent if story.started is not None else ""
    return veil_line(story.veil or "", agent, remote=_remote(story))


def _remote(story: Story) -> bool:
    return story.organism is not None and story.organism.remote


def _fact(name: str, value: str, detail: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "detail": detail}


def _banner(story: Story) -> str:
    if story.status == "failed":
        return f"The run failed: {story.message or 'no reason was recorded'}"
    if story.status == "interrupted":
        return story.message or "The run was interrupted. What is below is what it had done until then."
    if story.status == "running":
        return "The run has not ended. This is what it has done so far."
    return ""


def _nothing(story: Story) -> dict[str, str] | None:
    if story.findings:
        return None
    if story.findings is not None:
        meaning = "No difference from the controls was enough for a claim. On an untouched model that is right."
        return {"claim": "Nothing found", "meaning": meaning, "tone": "good"}
    meaning = "has not submitted findings yet" if story.status == "running" else "ended before it submitted findings"
    return {"claim": "No conclusion", "meaning": f"The run {meaning}.", "tone": ""}


def _finding(story: Story, number: int) -> dict[str, Any]:
    assert story.findings is not None
    finding = story.findings[number - 1]
    return {
        "claim": finding.claim,
        "effect": effect(finding.effect_size),
        "n": finding.n,
        "links": _links(story, finding.evidence, story.findings_seq),
        "control": _links(story, finding.control, story.findings_seq),
        "problems": _problems(story, number),
    }


def _problems(story: Story, number: int | None) -> list[str]:
    """What the validity check missed in finding ``number``, or (None) in the submission as a whole."""
    split = [(_OF_FINDING.fullmatch(problem), problem) for problem in story.problems]
    if number is None:
        return [problem for found, problem in split if found is None]
    return [found[2] for found, _ in split if found is not None and int(found[1]) == number]


def _links(story: Story, cell_ids: Iterable[str], seq: int) -> list[dict[str, Any]]:
    links = []
    for cell_id in dict.fromkeys(cell_ids):
        cell = story.cells.by_id.get(cell_id)
        if cell is None:
            links.append({"label": f"{cell_id} (not in this run)", "anchor": None, "stale": False})
        else:
            stale = story.changed_seq.get(cell_id, 0) > seq
            links.append({"label": f"cell {cell.number}", "anchor": _anchor(cell), "stale": stale})
    return links


def _anchor(cell: Cell) -> str:
    return f"cell-{cell.number}"


def _hypothesis(story: Story, claim: str, readings: Sequence[Reading]) -> dict[str, Any]:
    shown = [
        {
            "status": reading.event.status,
            "tone": _READING_TONES[reading.event.status],
            "step": reading.step,
            "at": f"after {duration(reading.after_s)}",
            "effect": effect(reading.event.effect_size),
            "n": reading.event.n,
            "links": _links(story, reading.event.evidence, reading.seq),
        }
        for reading in readings
    ]
    return {"claim": claim, "readings": shown}


def _steps(story: Story) -> list[dict[str, Any]]:
    return [_step(step) for step in story.steps]


def _step(step: Step) -> dict[str, Any]:
    failed = step.errors or any(cell.status in _FAILED_STATES for cell in step.cells)
    did = ", ".join(dict.fromkeys(step.tools)).replace("_", " ") or "no tool"
    return {
        "number": step.number,
        "title": f"Step {step.number}: {did}, {duration(step.seconds)}",
        # The square root keeps one long step from hiding the others.
        "weight": round(max(step.seconds, 0.01) ** 0.5, 3),
        "anchor": _anchor(step.cells[0]) if step.cells else None,
        "tone": "failed" if failed else "" if step.cells else "quiet",
    }


def _course(story: Story) -> str:
    failed = sum(cell.status in _FAILED_STATES for cell in story.cells.by_id.values())
    parts = [count(story.figures.steps, "step")]
    if failed:
        parts.append(f"{count(failed, 'cell')} with an error")
    if story.waited_s >= 1:
        parts.append(f"{duration(story.waited_s)} waiting for the agent's provider")
    return ", ".join(parts)


def _cell(story: Story, cell: Cell, shown: Shown) -> dict[str, Any]:
    view: dict[str, Any] = {
        "is_cell": True,
        "kind": cell.kind,
        "anchor": _anchor(cell),
        "number": cell.number,
        "step": story.step_of[cell.cell_id],
    }
    if cell.kind == "markdown":
        return {**view, "prose": shown.markdown(cell.source)}
    return {
        **view,
        "source": source_html(cell.source),
        "outputs": shown.outputs(cell.outputs),
        "state": _CELL_STATES.get(cell.stands, cell.stands),
        "tone": "failed" if cell.status in _FAILED_STATES else "",
        "duration": "" if cell.duration_s is None else duration(cell.duration_s),
    }


def _note(note: Note, shown: Shown) -> dict[str, Any]:
    body = shown.markdown(note.text) if note.kind == "text" else note.text.strip()
    preview = " ".join(note.text.translate(_MARKS).split())[:160]
    return {"is_cell": False, "kind": note.kind, "preview": preview, "body": body}
