"""What is said of input that is wrong: of a name that nobody knows, and of data that pydantic refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_LIKE = 0.5
"""How much alike two names must be, from 0 to 1, that one may be meant by the other."""


def nearest(name: str, known: Iterable[str], *, otherwise: str | None = None) -> str:
    """The rest of a sentence about an unknown name: ``; did you mean `x`?``.

    Args:
        name: The unknown one.
        known: Those that there are.
        otherwise: What is said where none is like it; None: which there are. An empty text stays one.
    """
    import difflib  # a server and a kernel start without it

    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=_LIKE):
        return f"; did you mean `{near[0]}`?"
    said = f"there are: {', '.join(names) or 'none'}." if otherwise is None else otherwise
    return f"; {said}" if said else ""


def is_like(name: str, known: Iterable[str], *, least: float = _LIKE) -> bool:
    """Whether one of ``known`` may be meant by ``name``: they are as much alike as ``least``, from 0 to 1."""
    import difflib  # a server and a kernel start without it

    return bool(difflib.get_close_matches(name, list(known), n=1, cutoff=least))


def first_problem(error: ValidationError, *, within: Sequence[str] = ()) -> str:
    """The first thing that is wrong, without its value: ``` `agent.seed`: input should be a valid integer```.

    Args:
        error: What pydantic raised.
        within: Keys that lead to what was validated.
    """
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join([*within, *map(str, problem["loc"])])
    return f"`{where}`: {message_of(problem)}" if where else message_of(problem)


def message_of(problem: Mapping[str, Any]) -> str:
    """Pydantic's own words for one problem, as part of a sentence."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"
