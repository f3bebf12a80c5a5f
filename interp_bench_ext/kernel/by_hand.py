"""An investigation that a person leads: the commands that a line gives it, as calls of the run's tools."""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import BadInput
from ..results.kit.safe_text import clean
from .listing import Listing, Text
from .person_lines import person_parser

_NOTED = ("claim", "evidence", "effect_size", "n")
COMMANDS = ("cell", "note", "finding", "finish")
"""What a line may say to the investigation, beside the techniques."""


class Answer(Protocol):
    """What came of a call; ``api.ToolAnswer`` is one."""

    @property
    def text(self) -> str: ...
    @property
    def is_error(self) -> bool: ...
    @property
    def cell(self) -> str | None: ...
    @property
    def outputs(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, repr=False)
class CellShown:
    """A cell of the run, as a notebook and a terminal show it."""

    cell: str
    text: str
    outputs: Sequence[Mapping[str, Any]]

    def __repr__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for output in self.outputs:
            display(_bundle(output), raw=True)  # type: ignore[no-untyped-call]
        name = html.escape(clean(self.cell))
        said = f"cell {self.cell}: name it as evidence or control of a finding"
        mark = f'<div style="opacity:0.6;font-size:12px">cell <code>{name}</code></div>'
        display({"text/plain": said, "text/html": mark}, raw=True)  # type: ignore[no-untyped-call]


@dataclass
class ByHand:
    """One run that somebody leads."""

    run: str
    call: Callable[[str, dict[str, Any]], Answer]
    """Carries out a tool's call. Raises what the server refuses."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Those that are handed in by ``finish``, the most certain first."""
    over: bool = False

    def do(self, name: str, words: Sequence[str], cell: str | None) -> Any:
        """One of :data:`COMMANDS`. Raises BadInput."""
        if name == "cell":
            return self.code(" ".join(words) if cell is None else cell)
        given = person_parser(name).read(words)
        actions: dict[str, Callable[[argparse.Namespace], Any]] = {
            "note": self._note,
            "finding": self._finding,
            "finish": self._finish,
        }
        return actions[name](given)

    def ask(self, line: str, cell: str | None) -> CellShown:
        """A technique's line, in a cell of the run."""
        return self.code(f"%interp {line}" if cell is None else f"%%interp {line}\n{cell}")

    def code(self, source: str) -> CellShown:
        """Code in a cell of the run. Raises BadInput where it cannot run."""
        if not source.strip():
            raise BadInput("there is nothing to run: write the code below the line `%%interp cell`")
        answer = self.call("run_cell", {"code": source})
        if answer.cell is None:
            raise BadInput(answer.text)
        return CellShown(answer.cell, answer.text, answer.outputs)

    def _note(self, given: argparse.Namespace) -> Text:
        noted = {"claim": _sentence(given.claim), "status": given.status, "evidence": _cells(given.evidence)}
        return self._told("note_hypothesis", noted)

    def _finding(self, given: argparse.Namespace) -> Listing:
        if given.drop is not None:
            if not 1 <= given.drop <= len(self.findings):
                raise BadInput(f"%interp finding --drop {given.drop}: there are {len(self.findings)} findings")
            del self.findings[given.drop - 1]
        elif given.claim:
            finding = {
                "claim": _sentence(given.claim),
                "evidence": _cells(given.evidence),
                "control": _cells(given.control),
                "effect_size": given.effect,
                "n": given.n,
            }
            self._told("note_hypothesis", {name: finding[name] for name in _NOTED} | {"status": "supported"})
            self.findings.append(finding)
        columns = ["", "claim", "evidence", "control"]
        rows = [
            [str(number), one["claim"], " ".join(one["evidence"]), " ".join(one["control"])]
            for number, one in enumerate(self.findings, start=1)
        ]
        return Listing(columns, rows, "Handed in by %interp finish, in this order." if rows else "No findings yet.")

    def _finish(self, given: argparse.Namespace) -> Text:
        self._told("submit_findings", {"summary": _sentence(given.summary), "findings": self.findings})
        self.over = True
        return Text("The findings are recorded.")

    def _told(self, name: str, arguments: dict[str, Any]) -> Text:
        answer = self.call(name, arguments)
        if answer.is_error:
            raise BadInput(answer.text)
        return Text(answer.text)


def _bundle(output: Mapping[str, Any]) -> dict[str, Any]:
    """An output of a cell as data that can be displayed."""
    match output["output_type"]:
        case "stream":
            return {"text/plain": _joined(output["text"])}
        case "error":
            return {"text/plain": "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"}
    return dict(output["data"])


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _cells(words: Sequence[str]) -> list[str]:
    """Ids of cells, which may be written ``c3 c4`` or ``c3,c4``."""
    return [name for word in words for name in re.split(r"[,\s]+", word) if name]


def _sentence(words: Sequence[str]) -> str:
    return " ".join(words)
