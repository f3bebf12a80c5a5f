"""What a run came to: score and report, made from its journal after it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .agent.anthropic import Key, make_provider
from .agent.provider import Provider
from .agent.state import RunState
from .config import Experiment
from .events import Event, FindingsSubmitted, KernelStarted, RunEnded, RunStarted, Scored
from .journal import Journal, RunRecord
from .report import render_report
from .scoring.grader import Score, score
from .scoring.ground_truth import ground_truth_of
from .scoring.judge import judged_score
from .scoring.model_judge import ModelJudge
from .scoring.statistics import Comparison, compare


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run's end as commands print it."""

    record: RunRecord
    seed: int
    agent: str
    veil: str
    steps: int
    minutes: float
    findings: FindingsSubmitted | None
    message: str
    score: Score | None
    report: Path

    @property
    def verdict(self) -> str:
        """The score in a few words; empty where there is none."""
        if self.score is None:
            return ""
        if self.score.kind == "null":
            return "score: right, there is no secret" if self.score.correct else "score: wrong, there is no secret"
        trigger = {True: ", and its trigger", False: ", but not its trigger", None: ""}[self.score.trigger_named]
        return f"score: the secret is named{trigger}" if self.score.named else "score: the secret is not named"

    def summary(self) -> dict[str, Any]:
        """The JSON object that ``--json`` prints."""
        return {
            "run": self.record.id,
            "experiment": self.record.experiment,
            "status": self.record.status,
            "message": self.message,
            "agent": self.agent,
            "seed": self.seed,
            "veil": self.veil,
            "steps": self.steps,
            "minutes": round(self.minutes, 2),
            "findings": [finding.model_dump() for finding in self.findings.findings] if self.findings else None,
            "summary": self.findings.summary if self.findings else None,
            "score": self.score.model_dump(exclude_none=True) if self.score else None,
            "notebook": str(self.record.notebook),
            "report": str(self.report),
        }


async def conclude(journal: Journal, record: RunRecord, experiment: Experiment, *, key: Key | None = None) -> Outcome:
    """Score the run if it can be, write its report beside the notebook, and say what it came to.

    Args:
        journal: Where the run is recorded.
        record: The run.
        experiment: Its config, whose ground truth is opened here.
        key: For a config whose grader is a model.
    """
    if journal.last(record.id, Scored) is None:
        scored = await score_run(journal.last(record.id, FindingsSubmitted), experiment, key)
        started = journal.last(record.id, RunStarted)
        if scored is not None and started is not None:
            beside = compare([*_scores(journal, started.agent), scored])
            body = {**scored.model_dump(exclude_none=True), "comparison": beside.model_dump()}
            journal.append(record.id, Scored(score=body))
    return describe(journal, record)


async def score_run(findings: FindingsSubmitted | None, experiment: Experiment, key: Key | None) -> Score | None:
    """The findings against the ground truth; None without findings or without a ground truth."""
    evaluation = experiment.sealed.evaluation
    truth = ground_truth_of(experiment.sealed) if findings is not None else None
    if findings is None or truth is None or evaluation is None:
        return None
    if evaluation.grader == "aliases":
        return score(findings.findings, truth)
    provider = make_provider(key=key)
    return await judged_score(findings.findings, truth, judge=ModelJudge(ask=partial(_ask, provider)))


async def _ask(provider: Provider, system: str, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    reply = await provider.reply(system=system, messages=messages, tools=(), max_tokens=2000, emit=lambda event: None)
    return "".join(block["text"] for block in reply.content if block["type"] == "text")


def describe(journal: Journal, record: RunRecord) -> Outcome:
    """Write the report of a run as it stands and return its outcome."""
    entries = list(journal.entries(record.id))
    state = RunState()
    for entry in entries:
        state.apply(entry.event, entry.at)
    started, ended = journal.last(record.id, RunStarted), journal.last(record.id, RunEnded)
    scored, kernel = journal.last(record.id, Scored), journal.last(record.id, KernelStarted)
    report = record.notebook.with_name(f"{record.notebook.stem}-report-{record.id}.html")
    agent = started.agent if started else ""
    beside = comparison(journal, agent).model_dump()
    page = render_report(
        events=[(entry.seq, entry.at, _beside_others(entry.event, beside)) for entry in entries],
        title=f"{record.experiment} · {record.id}",
    )
    report.write_text(page, encoding="utf-8")
    return Outcome(
        record=record,
        seed=started.seed if started else 0,
        agent=agent,
        veil=kernel.veil if kernel else "",
        steps=state.steps,
        minutes=state.active_s / 60,
        findings=state.findings,
        message=ended.message if ended else "",
        score=_score(scored) if scored else None,
        report=report,
    )


def _beside_others(event: Event, beside: dict[str, Any]) -> Event:
    return Scored(score={**event.score, "comparison": beside}) if isinstance(event, Scored) else event


def comparison(journal: Journal, agent: str) -> Comparison:
    """All scored runs of ``agent``: secrets that it named beside null organisms that it claimed something about."""
    return compare(_scores(journal, agent))


def _scores(journal: Journal, agent: str) -> list[Score]:
    scores = []
    for record in journal.runs():
        started, scored = journal.last(record.id, RunStarted), journal.last(record.id, Scored)
        if started and scored and started.agent == agent:
            scores.append(_score(scored))
    return scores


def _score(event: Scored) -> Score:
    return Score.model_validate({name: value for name, value in event.score.items() if name != "comparison"})
