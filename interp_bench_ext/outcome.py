"""What a run came to: score and report, made from its journal after it has ended."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .agent.provider import Metered, Reply
from .agent.retry import Patience, RetryPolicy
from .agent.state import RunState
from .config import Experiment
from .models.key import Key
from .record.events import Event, FindingsSubmitted, KernelStarted, RunEnded, RunStarted, Scored
from .record.journal import Journal, RunRecord
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
    tokens: dict[str, int]
    """By kind; empty where the agent uses none."""
    cost_usd: float | None
    """None: what the agent's model costs is not known."""
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

    @property
    def cache_read_share(self) -> float | None:
        """Of all input tokens, those that were read from the provider's cache; None where there were none."""
        sent = sum(self.tokens.get(kind, 0) for kind in ("input", "cache_read", "cache_write"))
        return round(self.tokens["cache_read"] / sent, 4) if sent else None

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
            "tokens": self.tokens,
            "cache_read_share": self.cache_read_share,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 4),
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
    from .agent.anthropic import make_provider  # the SDK takes most of a second

    provider = make_provider(key=key)
    try:
        return await judged_score(findings.findings, truth, judge=ModelJudge(ask=partial(_ask, provider)))
    finally:
        await provider.aclose()


async def _ask(provider: Metered, system: str, question: str) -> str:
    messages = [{"role": "user", "content": question}]

    def silent(event: Event) -> None:
        del event

    def attempt() -> Awaitable[Reply]:
        return provider.reply(system=system, messages=messages, tools=(), max_tokens=2000, emit=silent)

    # A person waits for the score, and can ask for it again.
    patience = Patience(RetryPolicy(patience_s=300), provider.patience.sleep)
    reply = await patience.insist(attempt, emit=silent, reached=False)
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
        tokens=_tokens(state),
        cost_usd=state.cost_usd if state.cost_known else None,
        findings=state.findings,
        message=ended.message if ended else "",
        score=_score(scored) if scored else None,
        report=report,
    )


def _tokens(state: RunState) -> dict[str, int]:
    if not state.input_tokens:
        return {}
    return {
        "input": state.input_tokens - state.cache_read_tokens - state.cache_write_tokens,
        "cache_read": state.cache_read_tokens,
        "cache_write": state.cache_write_tokens,
        "output": state.output_tokens,
    }


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
