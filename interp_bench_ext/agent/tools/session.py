"""What a tool is given, and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...contracts import TechniqueSpec
from ...errors import InterpBenchError
from ...events import Emit
from ...notebook.session import CellRun, NotebookSession
from ..state import RunState

MAX_TEXT = 12_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class ToolError(InterpBenchError):
    """An expected failure: its sentence goes back to the agent, which can do better."""


@dataclass(frozen=True, kw_only=True)
class ToolSession:
    """One run, as its tools see it."""

    notebook: NotebookSession
    techniques: Mapping[str, TechniqueSpec]
    state: RunState
    emit: Emit
    busy_s: Callable[[], float]
    """Seconds that the organism's model has worked since this process started it."""

    def next_cell_id(self) -> str:
        """``c7`` and so on; a notebook that an earlier run has worked in may have some of them."""
        taken = {cell.cell_id for cell in self.notebook.cells()}
        number = self.state.cells_added + 1
        while f"c{number}" in taken:
            number += 1
        return f"c{number}"

    def require_cell(self, cell_id: str) -> None:
        """Raise ToolError when the notebook holds no such cell."""
        ids = [cell.cell_id for cell in self.notebook.cells()]
        if cell_id not in ids:
            raise ToolError(f"there is no cell {cell_id!r}; the notebook's cells are {', '.join(ids)}")


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """Content blocks in the shape of the Messages API."""

    content: list[dict[str, Any]]
    is_error: bool = False

    @classmethod
    def text(cls, text: str, *, is_error: bool = False) -> ToolResult:
        return cls(content=[{"type": "text", "text": text}], is_error=is_error)


def describe_run(run: CellRun) -> ToolResult:
    """A cell's outcome for the agent: a status line, its text output clipped in the middle, its images."""
    content = describe_outputs(f"[{run.cell_id}: {run.status}, {run.duration_s:.1f} s]", run.outputs)
    return ToolResult(content=content, is_error=run.status != "ok")


def describe_outputs(headline: str, outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``headline`` and the outputs' text, clipped in the middle, as one text block; their images after it."""
    lines = [headline]
    images = []
    for output in outputs:
        lines.append(_output_text(output))
        png = output.get("data", {}).get("image/png")
        if png:
            images.append(
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": png.replace("\n", "")},
                }
            )
    text = clip("\n".join(line for line in lines if line), MAX_TEXT)
    return [{"type": "text", "text": text}, *images]


def _output_text(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _joined(output["text"]).rstrip("\n")
    if output["output_type"] == "error":
        return _ANSI.sub("", "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
    return _joined(output["data"].get("text/plain", ""))


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def clip(text: str, limit: int) -> str:
    """Head and tail of ``text``, ``limit`` characters in all, and between them how many were left out."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
