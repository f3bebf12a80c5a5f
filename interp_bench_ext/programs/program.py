"""What is known of a program that can investigate: how it is started for one run, and how its output is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..config import ProgramName
from ..models.usage import Usage

SERVER = "interp-bench"
"""What the run's tools are called as an MCP server."""
TOKEN_VARIABLE = "INTERP_BENCH_TOKEN"  # noqa: S105 - the variable's name
CALL_MAY_TAKE_S = 86_400
"""Longer than any cell runs: the run's own budgets end it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one session of a program is started for."""

    url: str
    """Of the MCP server with the run's tools."""
    token: str
    """What the server asks for; never an argument, which every user of the machine can read."""
    model: str | None
    """By the name that the program has for it; None: the person's own choice."""
    limit_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How it is started: nothing of it lies in the person's own settings."""

    arguments: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Beside those of the person's environment."""
    files: Mapping[str, str] = field(default_factory=dict)
    """By their paths in the otherwise empty folder that it works in."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a line of its output says; what it does not say is empty."""

    said: str = ""
    """Of its model."""
    model: str = ""
    usage: Usage | None = None
    """Of the session so far."""
    cost_usd: float | None = None
    failed: str = ""
    """Why it cannot go on, in its own words."""
    out_of_money: bool = False
    """Whether that is the limit of dollars that it was given."""


class Hearing(Protocol):
    """Reads the output of one session."""

    def take(self, line: Mapping[str, Any]) -> Heard:
        """What a line says. It is somebody else's program: any field may be missing, or of another type."""
        ...


@dataclass(frozen=True, kw_only=True)
class Program:
    name: ProgramName
    title: str
    package: str
    """At npm."""
    login: str
    """What a person does to log in."""
    flags: tuple[str, ...]
    """Those that it must know to be started as here."""
    executable: str = ""
    """Where it is called by another name."""
    help: tuple[str, ...] = ("--help",)
    """The arguments by which it lists its flags."""
    launch: Callable[[Wanted], Launch]
    hearing: Callable[[], Hearing]
    keys: bool = False
    """Whether the person's credentials for Claude are its own."""
    counts: bool = False
    """Whether it says what it uses while it works, and holds a limit of dollars by itself."""

    @property
    def command(self) -> str:
        """What starts it."""
        return self.executable or self.name


def text(value: Any) -> str:
    """A string from a program's output; empty where it is none."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int:
    """A count from a program's output; 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def table(value: Any) -> Mapping[str, Any]:
    """An object from a program's output; empty where it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """A list of objects from a program's output, without what is none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
