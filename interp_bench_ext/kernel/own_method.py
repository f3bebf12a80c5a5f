"""A function of a cell as a custom method: its source, with what of the notebook it uses."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..errors import BadInput

_THERE = {"torch", "np", "results", "Completion", "Edit", "Reads", "Row", "Site"}
"""Names that every method has."""


@dataclass
class OwnMethod:
    """What is sent of a function: its source and its helpers', and the modules that they name."""

    name: str
    parameters: inspect.Signature
    sources: list[str] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, function: Callable[..., Any]) -> OwnMethod:
        """Raises BadInput where the function is none that can be sent."""
        if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
            raise BadInput("A method is a function that is written with def: def surprise(organism, *, texts): …")
        if function.__closure__:
            raise BadInput(f"{function.__name__} uses variables of a function around it: give them as arguments.")
        signature = inspect.signature(function)
        if not signature.parameters:
            raise BadInput(f"{function.__name__} takes the organism as its first argument.")
        found = cls(function.__name__, _asked(list(signature.parameters.values())[1:]))
        found._take(function, set())
        return found

    @property
    def source(self) -> str:
        return "\n\n\n".join(self.sources)

    def arguments(self, positional: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Those of a call, by name. Raises BadInput as Python would."""
        try:
            return dict(self.parameters.bind(*positional, **named).arguments)
        except TypeError as error:
            raise BadInput(f"{self.name}: {error}: {self.name}{self.parameters}.") from None

    def _take(self, function: FunctionType, taken: set[str]) -> None:
        taken.add(function.__name__)
        for name in sorted(set(_globals_of(function.__code__)) - taken - _THERE):
            used = function.__globals__.get(name, builtins)
            if used is builtins or hasattr(builtins, name):
                continue
            if isinstance(used, ModuleType):
                self.modules[name] = used.__name__
            elif isinstance(used, FunctionType) and used.__module__ == function.__module__:
                self._take(used, taken)
            elif not _is_result_type(used):
                raise BadInput(
                    f"{self.name} uses the notebook's variable {name}, which is not there where it runs: give it as an "
                    "argument."
                )
        self.sources.append(_source(function))


def _asked(parameters: list[inspect.Parameter]) -> inspect.Signature:
    """What is required first and by position too, the rest by keyword, as with techniques."""
    required = [
        own.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for own in parameters if own.default is own.empty
    ]
    others = [own.replace(kind=inspect.Parameter.KEYWORD_ONLY) for own in parameters if own.default is not own.empty]
    return inspect.Signature([*required, *others])


def _is_result_type(used: object) -> bool:
    return isinstance(used, type) and used.__module__.startswith("interp_bench_ext.results.")


def _globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals_of(inner)


def _source(function: FunctionType) -> str:
    """The function without its decorators."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except OSError:
        raise BadInput(f"The source of {function.__name__} is not to be found: write it in a cell or a file.") from None
    (node, *_) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return "\n".join(text.splitlines()[node.lineno - 1 :])
