"""The one reading of a docstring's ``Args:``, for techniques and for the agent's tools alike."""

from __future__ import annotations

import re

_ARGUMENT = re.compile(r"^ {4}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_SECTION = re.compile(r"^\w[\w ]*:")


def arguments_in(doc: str) -> dict[str, str]:
    """Each argument's text, by its name; lines that go on are joined.

    Args:
        doc: A docstring without indentation, as :func:`inspect.cleandoc` leaves it.
    """
    found: dict[str, str] = {}
    inside, name = False, ""
    for line in doc.splitlines():
        if _SECTION.match(line):
            inside = line.startswith("Args:")
        elif inside and (entry := _ARGUMENT.match(line)):
            name = entry[1]
            found[name] = entry[2]
        elif inside and name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def before_arguments(doc: str) -> str:
    """What a docstring says before its ``Args:``."""
    return doc.partition("\nArgs:\n")[0].strip()
