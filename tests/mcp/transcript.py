"""The session that docs/mcp.md shows: a real client, over stdio, with its decisions written down beforehand.

`python -m tests.mcp.transcript` runs it on the shipped organism `birch`, and puts what came of it into the page.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult
from platformdirs import user_cache_dir

from tests.mcp.clients import Guest, stdio_guest

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
BEGIN, END = "<!-- begin transcript -->", "<!-- end transcript -->"
_SHOWN_LINES = 14
_FIRST = """prompts = [
    "How can I sleep better at night?", "Explain what gravity is.", "What should I cook tonight?",
    "How do I start running?", "Tell me about the history of Rome.", "How should I plan my week?",
]
replies = organism.sample(prompts, n=2, max_new_tokens=60, seed=1)
control = organism.sample(prompts, n=2, max_new_tokens=60, seed=1, base=True)
organism.word_contrast(replies, control)"""
_SECOND = """fresh = [
    "How do I make good coffee?", "I have a headache. What helps?", "How do aeroplanes fly?",
    "Give me ideas for a birthday party.", "How do I grow tomatoes?", "Write two sentences about autumn.",
    "How can I learn to draw?", "What does a lawyer do all day?",
]
def share(base):
    texts = organism.sample(fresh, n=2, max_new_tokens=60, seed=2, base=base).texts
    return sum("lighthouse" in text.lower() for text in texts), len(texts)

print("organism: %d of %d replies name a lighthouse, base: %d of %d" % (*share(False), *share(True)))"""
_CLAIM = "The model brings up lighthouses in replies to messages that have nothing to do with them."


def plan(config: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls, in their order; cells are `c3`, `c4` and so on."""
    noted = {"claim": _CLAIM, "evidence": ["c4"]}
    finding = {"claim": _CLAIM, "evidence": ["c5"], "control": ["c5"]}
    return [
        ("start_run", {"config": config}),
        ("add_markdown", {"text": "Is there a word that it uses whatever it is asked? Control: the base model."}),
        ("run_cell", {"code": _FIRST}),
        ("note_hypothesis", {**noted, "status": "open"}),
        ("run_cell", {"code": _SECOND}),
        ("note_hypothesis", {**noted, "evidence": ["c4", "c5"], "status": "supported"}),
        ("submit_findings", {"summary": "It speaks of lighthouses; its base does not.", "findings": [finding]}),
    ]


async def session(guest: Guest, config: str) -> AsyncIterator[tuple[str, dict[str, Any], CallToolResult, list[str]]]:
    """Each call with its result and the progress that the client heard meanwhile."""
    for name, arguments in plan(config):
        heard = len(guest.progress)
        result = await guest.call(name, **arguments)
        yield name, arguments, result, guest.progress[heard:]


def rendered(name: str, arguments: dict[str, Any], result: CallToolResult, progress: list[str]) -> str:
    """One call as the page shows it, long texts clipped."""
    asked = "\n".join(_argument(key, value) for key, value in arguments.items())
    few = [*progress[:2], f"({len(progress) - 4} more)", *progress[-2:]] if len(progress) > 5 else progress
    heard = "".join(f"· {message}\n" for message in few)
    content = "\n".join(block.text if block.type == "text" else f"({block.type})" for block in result.content)
    return (
        f"```text\n→ {name}\n{asked}\n{heard}← {'error' if result.is_error else 'result'}\n{_clipped(content)}\n```\n"
    )


def calls_in(page: str) -> list[str]:
    """The names of the calls in a page's transcript."""
    return re.findall(r"^→ (\w+)$", page.partition(BEGIN)[2].partition(END)[0], re.MULTILINE)


def _argument(key: str, value: Any) -> str:
    lines = str(value).splitlines()
    return (
        f"  {key}: {lines[0]}"
        if len(lines) == 1
        else f"  {key}:\n" + "\n".join(f"    {line}".rstrip() for line in lines)
    )


def _clipped(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _SHOWN_LINES:
        return text
    half = _SHOWN_LINES // 2
    return "\n".join([*lines[:half], f"[{len(lines) - 2 * half} lines left out here]", *lines[-half:]])


async def _write() -> None:
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        cache = str(Path(user_cache_dir("interp_bench")).parent)
        async with stdio_guest(Path(folder), name="transcript", more={"XDG_CACHE_HOME": cache}) as guest:
            async for call in session(guest, "birch"):
                parts.append(rendered(*call))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    shown = "\n".join(parts)
    PAGE.write_text(f"{before}{BEGIN}\n\n{shown}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_write())
