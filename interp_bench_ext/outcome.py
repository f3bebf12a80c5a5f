"""What a run came to: read from its journal, scored after it has ended, and written down as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .agent.provider import Metered, Prompt, Reply
from .agent.retry import Patience, RetryPolicy
from .api import Reveal
from .config import Experiment
from .errors import BadInput, NotNow
from .models.key import Key
from .organisms.placement import HandedIn, organism_spec, place_of
from .paths import outside_work_folders, replaced
from .record import scores
from .record.agents import agent_of
from .record.cell_events import KernelStarted
from .record.conditions import Standing
from .record.events import (
    AgentReplied,
    Event,
    FindingsSubmitted,
    OrganismReady,
    ProgramReported,
    RunEnded,
    RunStarted,
    Scored,
)
from .record.figures import Figures
from .record.journal import Journal, RunRecord
from .record.provenance import Provenance, Revision
from .record.scores import Comparison, LeftOut, Score, contaminated
from .record.veil_words import client_reach, veil_line
from .report import render_report
from .runs.leaks import leaks_of
from .scoring.grader import score
from .scoring.ground_truth import ground_truth_of
from .scoring.judge import ModelJudge, judged_score
from .scoring.reveal import reveal
from .scoring.statistics import Judged, compare


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run's end as commands print it."""

    record: RunRecord
    seed: int
    agent: str
    veil: str
    """Around the kernel."""
    remote: bool
    """Whether the organism was on another machine."""
    figures: Figures
    findings: FindingsSubmitted | None
    message: str
    score: Score | None
    report: Path
    """Where its report is, once it is written."""
    provenance: Provenance | None
    """None for a run that 0.1.0 began."""
    weights: str
    """Fingerprint of its organism's weights; empty until they are loaded."""
    revisions: list[Revision]
    """What that stands for. Sealed: for the owner's terminal, and for a report once there is a score."""
    programs: list[str]
    """What has played the agent, where those were other programs, with their versions."""
    served_models: dict[str, int]
    """Of the agent's replies, how many each model gave that its provider named."""

    @property
    def verdict(self) -> str:
        """The score in a few words; empty where there is none."""
        return scores.verdict(self.score)

    @property
    def veil_line(self) -> str:
        """Behind which veil it was made, in words."""
        return veil_line(self.veil, self.agent, remote=self.remote)

    @property
    def cache_read_share(self) -> float | None:
        """Of all input tokens, those that were read from the provider's cache; None where there were none."""
        its = self.figures
        return round(its.cache_read_tokens / its.input_tokens, 4) if its.input_tokens else None

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
            "organism_remote": self.remote,
            "client_reach": client_reach(self.agent),
            "steps": self.figures.steps,
            "minutes": round(self.figures.minutes(), 2),
            "tokens": _tokens(self.figures),
            "tokens_estimated": self.figures.estimated,
            "tokens_told_by": self.figures.told_by,
            "cache_read_share": self.cache_read_share,
            "cost_usd": None if self.figures.cost is None else round(self.figures.cost, 4),
            "failed_attempts": self.figures.failed_attempts,
            "resumes": self.figures.resumes,
            "budgets": {meter.budget.name: meter.text for meter in self.figures.meters()},
            "findings": [finding.model_dump() for finding in self.findings.findings] if self.findings else None,
            "summary": self.findings.summary if self.findings else None,
            "score": self.score.model_dump(exclude_none=True) if self.score else None,
            "notebook": str(self.record.notebook),
            "report": str(self.report),
            "provenance": {
                **(self.provenance.model_dump() if self.provenance else {}),
                "weights": self.weights,
                "revisions": [str(revision) for revision in self.revisions],
                "programs": self.programs,
                "served_models": self.served_models,
            },
        }


async def conclude(journal: Journal, record: RunRecord, experiment: Experiment, *, key: Key | None = None) -> Outcome:
    """Score the run if it can be, write its report beside the notebook, and say what it came to.

    A run that shows what is sealed is not scored: it is marked as contaminated.

    Args:
        journal: Where the run is recorded.
        record: The run.
        experiment: Its config, whose ground truth is opened here.
        key: For a config whose grader is a model.

    Raises:
        BadInput: There is no place for the report; the score is recorded all the same.
    """
    if journal.last(record.id, Scored) is None:
        submitted = journal.last(record.id, FindingsSubmitted)
        leaks = leaks_of(journal, record, experiment, key=key, report=report_page(journal, record))
        scored = contaminated(leaks) if leaks else await _scored(journal, record, submitted, experiment, key)
        if scored is not None:
            journal.append(record.id, Scored(score=scored))
    try:
        write_report(journal, record)
    except OSError as error:
        raise BadInput(
            f"the report cannot be written beside {record.notebook.name} ({error.strerror}); make its folder writable"
        ) from None
    return read_outcome(journal, record)


async def _scored(
    journal: Journal,
    record: RunRecord,
    submitted: FindingsSubmitted | None,
    experiment: Experiment,
    key: Key | None,
) -> Score | None:
    """The run's score, from whoever has the ground truth; None where there is none."""
    evaluation, started = experiment.sealed.evaluation, journal.last(record.id, RunStarted)
    if submitted is None or evaluation is None or evaluation.grader != "place":
        return await score_run(submitted, experiment, key, seed=started.seed if started else 0)
    figures = Figures()
    for entry in journal.entries(record.id):
        figures.apply(entry.event, entry.at)
    handed = HandedIn(
        run=record.id,
        agent=started.agent if started else "",
        steps=figures.steps,
        minutes=figures.minutes(),
        cost_usd=figures.cost,
        submitted=submitted,
    )
    return await place_of(experiment).score(organism_spec(experiment), handed)


async def score_run(
    findings: FindingsSubmitted | None, experiment: Experiment, key: Key | None, *, seed: int
) -> Score | None:
    """The findings against the ground truth; None without findings or without a ground truth."""
    evaluation = experiment.sealed.evaluation
    truth = ground_truth_of(experiment.sealed) if findings is not None else None
    if findings is None or truth is None or evaluation is None:
        return None
    if evaluation.grader == "aliases":
        return score(findings.findings, truth)
    from .agent.anthropic import AnthropicProvider  # the SDK takes most of a second

    provider = AnthropicProvider(key=key)
    judge = ModelJudge(ask=partial(_ask, provider))
    try:
        return await judged_score(findings.findings, truth, judge=judge, seed=seed)
    finally:
        await provider.aclose()


async def _ask(provider: Metered, system: str, question: str) -> str:
    prompt = Prompt(system=system, messages=[{"role": "user", "content": question}])

    def silent(event: Event) -> None:
        del event

    def attempt() -> Awaitable[Reply]:
        return provider.reply(prompt, max_tokens=2000, emit=silent)

    # A person waits for the score, and can ask for it again.
    patience = Patience(RetryPolicy(patience_s=300), provider.patience.sleep)
    reply = await patience.insist(attempt, emit=silent, reached=False)
    return "".join(block["text"] for block in reply.content if block["type"] == "text")


def read_outcome(journal: Journal, record: RunRecord) -> Outcome:
    """The outcome of a run as it stands; nothing is written."""
    figures, served, programs = Figures(), Counter[str](), dict[str, None]()
    for entry in journal.entries(record.id):
        figures.apply(entry.event, entry.at)
        if isinstance(entry.event, AgentReplied) and entry.event.served_model:
            served[entry.event.served_model] += 1
        if isinstance(entry.event, ProgramReported):
            programs[f"{entry.event.program} {entry.event.version}"] = None
    started, ended = journal.last(record.id, RunStarted), journal.last(record.id, RunEnded)
    scored, kernel = journal.last(record.id, Scored), journal.last(record.id, KernelStarted)
    ready = journal.last(record.id, OrganismReady)
    standing = journal.conditions.of(record.id)
    return Outcome(
        record=record,
        seed=started.seed if started else 0,
        agent=agent_of(journal, record.id),
        veil=kernel.veil if kernel else "",
        remote=ready is not None and ready.remote,
        figures=figures,
        findings=journal.last(record.id, FindingsSubmitted),
        message=ended.message if ended else "",
        score=scored.score if scored else None,
        report=_report_path(record),
        provenance=started.provenance if started else None,
        weights=standing.weights if standing else "",
        revisions=journal.conditions.revisions(record.id),
        programs=list(programs),
        served_models=dict(served),
    )


def revealed(journal: Journal, record: RunRecord, experiment: Experiment) -> Reveal:
    """The ground truth beside the run's claims.

    Raises:
        NotNow: The run has not been scored, or is under way again, or its config keeps its truth sealed.
    """
    scored = None if record.status == "running" else journal.last(record.id, Scored)
    # One that is contaminated as it is stopped can be resumed.
    if scored is None or (scored.score.kind == "contaminated" and record.status != "finished"):
        raise NotNow(f"what run {record.id} looked for stays sealed until the run has ended and been scored")
    evaluation, truth = experiment.sealed.evaluation, ground_truth_of(experiment.sealed)
    if evaluation is None or truth is None or not evaluation.reveal:
        raise NotNow(f"{record.experiment}: its config keeps the ground truth sealed, for scored runs too")
    submitted = journal.last(record.id, FindingsSubmitted)
    return reveal(submitted.findings if submitted else [], truth, scored.score)


def report_page(journal: Journal, record: RunRecord, *, truth: Reveal | str = "") -> str:
    """The run's report as it stands, as one HTML page; its score stands beside the others of its condition.

    Args:
        journal: Where the run is recorded.
        record: The run.
        truth: What a scored run looked for, where a person has asked for it; or the address at which one can ask.
    """
    scored = journal.last(record.id, Scored)
    # A run that is contaminated may go on, and its organism's next investigator read this.
    told = scored is not None and scored.score.kind != "contaminated"
    return render_report(
        events=[(entry.seq, entry.at, entry.event) for entry in journal.entries(record.id)],
        title=f"{record.experiment} · {record.id}",
        comparison=comparison(journal, record.id) if scored is not None else None,
        revisions=journal.conditions.revisions(record.id) if told else (),
        truth=truth,
    )


def write_report(journal: Journal, record: RunRecord) -> Path:
    """Write the run's report beside its notebook. Raises BadInput where code of an agent can get at that place."""
    path = _report_path(record)
    page, folder = report_page(journal, record), outside_work_folders(path.parent)
    with replaced(folder / path.name) as file:
        file.write(page)
    return path


def _report_path(record: RunRecord) -> Path:
    return record.notebook.with_name(f"{record.notebook.stem}-report-{record.id}.html")


def _tokens(figures: Figures) -> dict[str, int]:
    """By kind; empty where the agent uses none."""
    if not figures.tokens:
        return {}
    return {
        "input": figures.input_tokens - figures.cache_read_tokens - figures.cache_write_tokens,
        "cache_read": figures.cache_read_tokens,
        "cache_write": figures.cache_write_tokens,
        "output": figures.output_tokens,
    }


def comparison(journal: Journal, run: str) -> Comparison:
    """The scored runs of a run's condition: secrets that were named beside null organisms claimed something about."""
    own = journal.conditions.of(run)
    if own is not None and own.condition:
        return comparison_of(journal, own.condition, weights={own.organism: own.weights})
    scored = journal.last(run, Scored)
    alone = [Judged(organism=run, score=scored.score)] if scored else []
    others = journal.conditions.count_scored() - bool(own and own.score)
    return compare(alone, left_out=LeftOut(other_conditions=others))


def comparison_of(journal: Journal, condition: str, *, weights: dict[str, str] | None = None) -> Comparison:
    """All scored runs of a condition.

    Args:
        journal: Where they are recorded.
        condition: Its key.
        weights: By organism, those that count; of the others the newest run's do.
    """
    of_condition = journal.conditions.scored(condition)
    apart = [one for one in of_condition if not one.forked]
    current = {one.organism: one.weights for one in apart} | (weights or {})
    pooled = [one for one in apart if one.weights == current[one.organism]]
    left_out = LeftOut(
        forks=len(of_condition) - len(apart),
        other_weights=len(apart) - len(pooled),
        other_conditions=journal.conditions.count_scored() - len(of_condition),
    )
    return compare(filter(None, map(_judged, pooled)), condition=condition, left_out=left_out)


def _judged(standing: Standing) -> Judged | None:
    return Judged(organism=standing.organism, score=standing.score) if standing.score else None
