"""The quiet line above a step: what the agent said before it, so that the notebook tells its story by itself."""

from __future__ import annotations

import re

_LONGEST = 200
"""Characters; the sidebar's thread and the report have the whole of it."""
_SENTENCE = re.compile(r".*[.!?:](?=\s)")
_BLOCK = re.compile(r"^(?:[#>*+=|-]+\s+|\d+[.)]\s+|[`~]{3,}\w*\s*)+")
"""What would make a heading, a list or a block of the line."""
_ACTIVE = re.compile(r"<(?=[A-Za-z!/?])|\$|!(?=\[)|(?<!!)\[(?=[^\]]*\]\()")
"""What would make HTML, a formula, a picture or a link of its words."""


def one_line(said: str) -> str:
    """What the agent said, on one line; of more than fits in it the first sentences, or the first words."""
    line = " ".join(said.split())
    if len(line) <= _LONGEST:
        return line
    head = line[:_LONGEST]
    whole = _SENTENCE.match(head)
    return whole[0] if whole else f"{head.rpartition(' ')[0] or head}…"


def as_markdown(line: str) -> str:
    """The line as a paragraph that shows its words, code and emphasis, and nothing louder."""
    return _ACTIVE.sub(lambda found: "\\" + found[0], _BLOCK.sub("", line))


def reason_id(cell_id: str, run: str) -> str:
    """Id of the text cell above a cell of the run."""
    return f"why-{run}-{cell_id}"


def is_reason(cell_id: str, run: str) -> bool:
    return cell_id.startswith(reason_id("", run))
