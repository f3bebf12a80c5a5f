"""What an attempt is, and what came of it."""

from __future__ import annotations

import base64
import codecs
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import pytest

Veil = Literal["sandboxed", "process", "remote", "any"]
Outcome = Literal["held", "leaked", "abused", "documented", "failed", "skipped"]
Checked = TypeVar("Checked")
PROPERTY = "redteam"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    id: str
    group: str
    sentence: str
    veil: str
    outcome: Outcome
    control: bool
    """Whether the same check caught what was planted for it."""


@dataclass(frozen=True, kw_only=True)
class CellAttempt:
    """An attempt that is one cell in the shared kernel; the package's docstring says how it is written."""

    id: str
    group: str
    sentence: str
    code: str
    real: str
    planted: str
    check: Literal["marks", "any"] = "marks"
    veils: Sequence[Veil] = ("sandboxed", "process")
    documented: Sequence[Veil] = ()


def attempt(
    id: str,
    group: str,
    sentence: str,
    *,
    veil: Veil = "sandboxed",
    documented: bool = False,
    short: bool = False,
) -> pytest.MarkDecorator:
    """Mark a test as an attempt of the suite.

    Args:
        id: Short and unique, such as `A4`.
        group: Its section of the table.
        sentence: What is tried.
        veil: Where it is tried; `any` where the kernel's veil does not matter.
        documented: It succeeds, and docs/security.md says so.
        short: `make test` runs it too, though it stands in `tests/redteam`.
    """
    return pytest.mark.redteam(id=id, group=group, sentence=sentence, veil=veil, documented=documented, short=short)


@dataclass
class Trial:
    """What the fixture `trial` gives: it judges an attempt and its control by one check, and notes both."""

    marks: Mapping[str, str]
    documented: bool = False
    outcome: Outcome = "failed"
    control: bool = False
    said: list[str] = field(default_factory=list)

    def leak(self, seen: object, *, control: object) -> None:
        """Nothing sealed is in ``seen``; the same search finds it in ``control``, where it was planted."""
        self.found(marks_in(seen, self.marks), marks_in(control, self.marks))

    def found(self, real: Sequence[str], control: Sequence[str]) -> None:
        """The same of two searches that were made elsewhere."""
        self._judge("leaked", real, control)

    def abuse(self, happened: Callable[[Checked], object], real: Checked, control: Checked) -> None:
        """``happened`` is false of ``real``, and true of ``control``."""
        self._judge("abused", happened(real), happened(control))

    def _judge(self, success: Outcome, real: object, control: object) -> None:
        self.control = bool(control)
        self.outcome = ("documented" if self.documented else success) if real else "held"
        assert self.control, "the check does not notice what was planted for it"
        if self.documented:
            assert real, "docs/security.md says that this succeeds, and it does not"
        else:
            assert not real, f"{success}: {real!r}"


def marks_in(seen: object, marks: Mapping[str, str]) -> list[str]:
    """Names of the marks that are in ``seen``: plain, in another case or spacing, encoded or reversed."""
    text = seen if isinstance(seen, str) else seen.decode("utf-8", "replace") if isinstance(seen, bytes) else repr(seen)
    plain, squeezed = text.lower(), _squeezed(text)
    return sorted(
        name
        for name, mark in marks.items()
        if _squeezed(mark) in squeezed or any(form.lower() in plain for form in encoded(mark))
    )


def encoded(mark: str) -> list[str]:
    """The mark in hexadecimal, quoted for a URL, base64 at each of its three offsets, rot13 and reversed."""
    raw = mark.encode()
    in_base64 = [base64.b64encode(b"\0" * shift + raw).decode()[[0, 2, 3][shift] :] for shift in range(3)]
    # The last characters depend on what follows.
    return [
        raw.hex(),
        quote(mark),
        codecs.encode(mark, "rot13"),
        mark[::-1],
        *(form.rstrip("=")[:-2] for form in in_base64),
    ]


def _squeezed(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def row_of(marker: pytest.Mark, *, trial: Trial | None, passed: bool, skipped: bool) -> Row:
    """The table's line for a test that has run; one without a trial is judged by its own assertions."""
    said = {key: marker.kwargs[key] for key in ("id", "group", "sentence", "veil")}
    if skipped:
        return Row(**said, outcome="skipped", control=False)
    if trial is not None:
        return Row(**said, outcome=trial.outcome, control=trial.control)
    success: Outcome = "documented" if marker.kwargs["documented"] else "held"
    return Row(**said, outcome=success if passed else "failed", control=passed)


def dumped(row: Row) -> str:
    return json.dumps(asdict(row))


def loaded(text: str) -> Row:
    fields: dict[str, Any] = json.loads(text)
    return Row(**fields)
