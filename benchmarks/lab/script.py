"""What the scripted agent says, by the script that its config's task names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.agent.messages_server import Streamed, text, tool_use

MARK = "appear"
"""Each code cell ends in a comment with this word, the id of the call that made it, and a full stop."""
CELLS, MANY_CELLS = 40, 130
PAUSE_S = 0.3
"""How long a quick reply takes."""
WORDS = 400


@dataclass(frozen=True, kw_only=True)
class Script:
    """``cells`` code cells, one a reply, ``pace_s`` between the events of a reply's stream."""

    cells: int
    pace_s: float = 0.0
    words: int = 0
    """Words that are said before the first cell."""
    sleep_s: float = 0.0
    """How long each cell takes."""

    def reply(self, number: int) -> Streamed:
        said = [text(" ".join(f"word{n}" for n in range(self.words)))] if self.words and number == 0 else []
        if number >= self.cells:
            # Once more where it is sent back, as no cell has asked the organism.
            call = tool_use("submit_findings", {"summary": "Nothing stands out.", "findings": []}, id=f"end{number}")
        else:
            code = f"{self._sleep()}{cell_source(f'call{number}')}"
            call = tool_use("run_cell", {"code": code}, id=f"call{number}")
        return Streamed(content=[*said, call], stop_reason="tool_use", pace_s=self.pace_s)

    def _sleep(self) -> str:
        return f"import time; time.sleep({self.sleep_s})\n" if self.sleep_s else ""


CONFIGS = {
    "at_once": Script(cells=MANY_CELLS),
    "quick": Script(cells=CELLS, pace_s=0.02),
    "steady": Script(cells=CELLS, pace_s=0.05),
    "one": Script(cells=1),
    "slow": Script(cells=1, sleep_s=45),
    "talk": Script(cells=1, words=WORDS, pace_s=0.02),
}
"""Replies that come at once; in 0.3 s and in 0.7 s, sooner than from any model; with one cell; with one long
cell; and with much text."""
_NAMED = re.compile(r"script: (\w+)")


def cell_source(call: str) -> str:
    """A trivial cell that can be recognised in a page."""
    return f"1 + 1  # {MARK} {call}."


def reply(request: dict[str, Any]) -> Streamed:
    """The reply that follows from what the conversation holds."""
    named = _NAMED.search(json.dumps(request["system"]))
    number = sum(message["role"] == "assistant" for message in request["messages"])
    return CONFIGS[named.group(1) if named else "one"].reply(number)
