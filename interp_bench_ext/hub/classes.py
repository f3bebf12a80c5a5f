"""Classes: what students hand in is scored here, once for each organism, and kept for their instructors."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..errors import NotFound, NotNow
from ..record.scores import Score, verdict
from ..scoring.grader import score
from ..scoring.statistics import Judged, compare
from .bodies import HandIn
from .classrooms import Classrooms
from .offers import Offers
from .people import Person, user_scope
from .settings import ClassRules
from .store import HandedRow, Store, Usage

COLUMNS = (
    *("class", "student", "organism", "handed_in", "run", "agent", "steps", "minutes", "cost_usd"),
    *("calls", "samples", "busy_s", "null", "correct", "points", "claims", "false_claims", "rank", "verdict", "gaps"),
    "findings",
)
"""Of the file with all scores."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Classes:
    """What was handed in."""

    def __init__(self, *, classrooms: Classrooms, store: Store, offers: Offers) -> None:
        self._classrooms, self._store, self._offers = classrooms, store, offers

    async def hand_in(self, person: Person, asked: HandIn) -> Score | None:
        """Score what a student has found, and keep that. The same run again gives the same score.

        Returns None where the class does not show scores.

        Raises:
            NotFound: The organism belongs to no class of theirs.
            NotNow: They have handed in another run, or it is too late.
        """
        found = self._classrooms.of(person, asked.organism)
        if found is None:
            raise NotFound(f"{asked.organism} belongs to no class of yours, so nobody scores it")
        name, rules = found
        truth = self._offers.find(asked.organism, person).truth
        assert truth is not None  # looked at as the service began
        before = self._of(name, person, asked.organism)
        if before is None:
            if rules.until is not None and datetime.now(UTC) > rules.until:
                raise NotNow(f"the class {name} took findings until {rules.until:%Y-%m-%d %H:%M %Z}")
            scored = await asyncio.to_thread(score, asked.findings, truth)
            row = HandedRow(
                name, person.name, asked.organism, time.time(), asked.model_dump_json(), scored.model_dump_json()
            )
            self._store.hand_in(row)
            before = self._of(name, person, asked.organism)
            assert before is not None
        run = HandIn.model_validate_json(before.handed).run
        if run != asked.run:
            raise NotNow(f"you have handed in run {run} on {asked.organism} already; one is taken")
        return Score.model_validate_json(before.score) if rules.shows_scores else None

    def shown(self, name: str) -> dict[str, Any]:
        """A class as its instructors see it, as plain JSON."""
        rules = self._classrooms.all()[name]
        rows = list(self._rows(name, rules))
        students = sorted({row["student"] for row in rows})
        return {
            "name": name,
            "for": rules.students,
            "shows_scores": rules.shows_scores,
            "until": rules.until.isoformat() if rules.until else None,
            "budget": rules.budget.model_dump(exclude_none=True),
            "organisms": [{"handle": handle, "null": self._is_null(handle)} for handle in rules.organisms],
            "students": [_student(one, [row for row in rows if row["student"] == one]) for one in students],
        }

    def file(self, name: str) -> str:
        """All scores of a class as CSV, one line for each student and organism."""
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\r\n")
        table.writeheader()
        for row in self._rows(name, self._classrooms.all()[name]):
            table.writerow({key: _cell(value) for key, value in row.items()})
        return text.getvalue()

    def _of(self, name: str, person: Person, organism: str) -> HandedRow | None:
        rows = self._store.handed_in(name)
        return next((row for row in rows if (row.user, row.organism) == (person.name, organism)), None)

    def _is_null(self, handle: str) -> bool:
        truth = next((offer.truth for offer in self._offers.all() if offer.handle == handle), None)
        return truth is not None and truth.secret is None

    def _rows(self, name: str, rules: ClassRules) -> Iterator[dict[str, Any]]:
        """Of each organism and every student who has used it: how much, and the score where there is one."""
        handed = {(row.user, row.organism): row for row in self._store.handed_in(name)}
        prefix, groups = user_scope(""), self._store.groups()
        used = {
            (scope.removeprefix(prefix), organism): usage
            for (scope, organism), usage in self._store.usage_by_scope(rules.organisms).items()
            if scope.startswith(prefix)
        }
        # What others have used is none of an instructor's.
        own = {key for key in used if rules.students in (None, *groups.get(key[0], ()))}
        for student, organism in sorted(own | handed.keys()):
            use = used.get((student, organism), Usage())
            row = handed.get((student, organism))
            yield {
                "class": name,
                "student": student,
                "organism": organism,
                "null": self._is_null(organism),
                "calls": use.calls,
                "samples": use.samples,
                "busy_s": round(use.busy_s, 1),
                **({} if row is None else _handed(row, samples=use.samples)),
            }


def _handed(row: HandedRow, *, samples: int) -> dict[str, Any]:
    """What is told of a hand-in; ``samples``: those that the service has counted."""
    said, scored = HandIn.model_validate_json(row.handed), Score.model_validate_json(row.score)
    gaps = list(said.problems)
    gaps += [
        f"Finding {number}: n is {finding.n}, and the organism gave {samples} samples."
        for number, finding in enumerate(said.findings, start=1)
        if finding.n is not None and finding.n > samples
    ]
    return {
        "handed_in": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
        **said.model_dump(include={"run", "agent", "steps", "cost_usd"}),
        "minutes": round(said.minutes, 1),
        "correct": scored.correct,
        "points": round(scored.points, 3),
        "claims": scored.n_claims,
        "false_claims": scored.false_claims,
        "rank": None if scored.named_by is None else scored.named_by + 1,
        "verdict": verdict(scored),
        "gaps": " ".join(gaps),
        "findings": " | ".join(finding.claim for finding in said.findings),
        "summary": said.summary,
        "score": scored,
    }


def _student(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    judged = [Judged(organism=row["organism"], score=row["score"]) for row in rows if "score" in row]
    scores = compare(judged)
    return {
        "name": name,
        "secrets": {"k": scores.secrets.k, "runs": scores.secrets.runs},
        "nulls": {"k": scores.nulls.k, "runs": scores.nulls.runs},
        "informedness": scores.informedness,
        "rows": [{key: value for key, value in row.items() if key != "score"} for row in rows],
    }


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: findings are students' words."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
