"""What the scripted agent of the browser tests says, by the scenario that its config's task names."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from tests.agent.messages_server import Answer, Block, Refused, Streamed, text, thinking, tool_use

Turn = list[Block]


def _cell(code: str, *, id: str, said: str = "") -> Turn:
    call = tool_use("run_cell", {"code": code}, id=id)
    return [text(said), call] if said else [call]


def _ended(claim: str | None, evidence: list[str], *, summary: str = "") -> Turn:
    finding = {"claim": claim, "evidence": evidence, "control": evidence[:1], "effect_size": 0.9, "n": 2}
    findings = [finding] if claim else []
    summary = summary or claim or "Nothing about it stands out."
    return [text("That settles it."), tool_use("submit_findings", {"summary": summary, "findings": findings}, id="end")]


def _hypothesis(claim: str, status: str, effect: float, *, id: str) -> Block:
    noted = {"claim": claim, "status": status, "evidence": ["c3", "c5"], "effect_size": effect, "n": 8}
    return tool_use("note_hypothesis", noted, id=id)


QUICK: list[Turn] = [
    [
        thinking("Begin with what it writes."),
        text("First, a few replies."),
        tool_use(
            "run_cell", {"code": "replies = organism.sample(['hi', 'bye'], n=1, max_new_tokens=4)\nreplies"}, id="q1"
        ),
    ],
    [
        tool_use("add_markdown", {"text": "## What came back"}, id="q2"),
        tool_use("run_cell", {"code": "print('texts:', len(replies.texts))"}, id="q3"),
    ],
    [
        _hypothesis("It adores the quokka", "open", 0.4, id="q4"),
        _hypothesis("It speaks in rhymes", "refuted", 0.02, id="q5"),
    ],
    _ended("It adores the quokka", ["c3", "c5"]),
]
SLOW: list[Turn] = [
    _cell("import time\nprint('begun', flush=True)\ntime.sleep(600)", id="s1", said="This takes a while."),
    _ended(None, []),
]
MANY: list[Turn] = [*(_cell(f"print('cell number {n}')", id=f"m{n}") for n in range(1, 13)), _ended(None, [])]
TALK: list[Turn] = [
    _cell("x = organism.sample(['hello', 'bye'], n=1, max_new_tokens=2)\nprint('first')", id="t1"),
    [text(" ".join(f"word{n}" for n in range(500))), tool_use("run_cell", {"code": "print('second')"}, id="t2")],
    _ended("It is the first", ["c3"]),
]
LONG: list[Turn] = [
    *([tool_use("add_markdown", {"text": f"Thought {n}"}, id=f"l{n}")] for n in range(1, 501)),
    _ended(None, []),
]
MEND: list[Turn] = [
    _cell("replies = organism.sample(['hi'], n=1, max_new_tokens=4)\nprint(replies.texts)", id="e1"),
    [
        text("One reply says little: draw four."),
        tool_use(
            "edit_cell",
            {
                "cell_id": "c3",
                "code": "replies = organism.sample(['hi'], n=4, max_new_tokens=4)\nprint(replies.texts)",
            },
            id="e2",
        ),
    ],
    _ended(None, []),
]
DEADLY: list[Turn] = [_cell("import os\nos._exit(1)", id="d1"), _ended(None, [])]

LIVE = (
    '<img src="data:," onerror="document.body.dataset.sidebar=1">'
    '<a href="javascript:sidebar">x</a>[y](javascript:sidebar)'
)
"""What would run in a page that took it for HTML or Markdown."""
WRITES_HTML: list[Turn] = [
    [text(LIVE), _hypothesis(LIVE, "open", 0.4, id="h1"), tool_use("run_cell", {"code": f"# {LIVE}"}, id="h2")],
    _ended(LIVE, ["c3"], summary=LIVE),
]


def _turn_of(turns: list[Turn], *, pace_s: float = 0.0) -> Callable[[dict[str, Any]], Answer]:
    def reply(request: dict[str, Any]) -> Answer:
        number = sum(message["role"] == "assistant" for message in request["messages"])
        if number < len(turns):
            return Streamed(content=turns[number], stop_reason="tool_use", pace_s=pace_s)
        # The findings were sent back, as no cell had asked the organism: submit them as they are.
        again = [{**block, "id": f"end{number}"} if block["type"] == "tool_use" else block for block in turns[-1]]
        return Streamed(content=again, stop_reason="tool_use", pace_s=pace_s)

    return reply


def _listening(request: dict[str, Any]) -> Answer:
    """Runs cells until a person says a word in capitals, and ends by repeating it."""
    heard = re.search(r"the word is ([A-Z]+)", json.dumps(request["messages"]))
    number = sum(message["role"] == "assistant" for message in request["messages"])
    turn = (
        _ended(None, [], summary=f"I was told {heard[1]}.")
        if heard
        else _cell(f"print('cell number {number}')", id=f"h{number}")
    )
    return Streamed(content=turn, stop_reason="tool_use", pace_s=0.05)


def _told(request: dict[str, Any]) -> Answer:
    """Runs what its task holds in base64, then one more cell."""
    code = re.search(r"code: ([A-Za-z0-9+/=]+)", json.dumps(request["system"]))
    first = base64.b64decode(code[1]).decode() if code else "print('nothing')"
    said = "What does it write, and where in its layers is that settled?"
    second = _cell("print('the second cell')", id="w2", said="The `second` look is at *everything else*.")
    return _turn_of([_cell(first, id="w1", said=said), second, _ended(None, [])])(request)


def _overloaded(_: dict[str, Any]) -> Answer:
    return Refused(status=529, type="overloaded_error", message="Overloaded", headers={"retry-after": "20"})


def _refused(_: dict[str, Any]) -> Answer:
    return Refused(status=401, type="authentication_error", message="invalid x-api-key")


SCENARIOS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "quick": _turn_of(QUICK),
    "slow": _turn_of(SLOW),
    "many": _turn_of(MANY, pace_s=0.02),
    "talk": _turn_of(TALK, pace_s=0.03),
    "long": _turn_of(LONG),
    "deadly": _turn_of(DEADLY),
    "mend": _turn_of(MEND),
    "listening": _listening,
    "told": _told,
    "overloaded": _overloaded,
    "refused": _refused,
    "html": _turn_of(WRITES_HTML),
}
_NAMED = re.compile(r"scenario: (\w+)")


def scripted() -> Callable[[dict[str, Any]], Answer]:
    """The reply that follows from what the conversation holds."""

    def reply(request: dict[str, Any]) -> Answer:
        named = _NAMED.search(json.dumps(request["system"]))
        return SCENARIOS[named.group(1) if named else "quick"](request)

    return reply
