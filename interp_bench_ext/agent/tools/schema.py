"""A tool's schema is its own signature and docstring."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ...docstrings import arguments_in, before_arguments
from ...wrong_input import is_like, nearest
from ..provider import MALFORMED_INPUT, ToolSpec
from .session import ToolError, ToolResult

ToolFunction = Callable[..., Awaitable[ToolResult]]
_PROBLEMS = 5
_PLACE = 80
_MISSPELT = 0.7
"""How much alike, from 0 to 1, an argument's name and a misspelling of it are."""


@dataclass(frozen=True)
class Tool:
    """A tool function with its schema; ``arguments`` validates what the agent sends."""

    function: ToolFunction
    spec: ToolSpec
    arguments: type[BaseModel]

    def validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """Arguments for the function. Raises ToolError that says which are wrong, and what is right."""
        if isinstance(given, dict) and MALFORMED_INPUT in given:
            raise ToolError(f"the arguments of {self.spec.name} were no JSON object; {self._usage()}")
        try:
            model = self.arguments.model_validate(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems = "; ".join(self._problem(problem) for problem in found[:_PROBLEMS])
            raise ToolError(f"{self.spec.name} was called with wrong arguments: {problems}; {self._usage()}") from None
        return {name: getattr(model, name) for name in type(model).model_fields}

    def strange(self, given: dict[str, Any]) -> list[str]:
        """The names in ``given`` that are no argument's and like none: what a client adds of its own."""
        known = self.arguments.model_fields
        return [name for name in given if name not in known and not is_like(name, known, least=_MISSPELT)]

    def _problem(self, problem: Mapping[str, Any]) -> str:
        place = ".".join(map(str, problem["loc"]))[:_PLACE]
        if problem["type"] == "extra_forbidden":
            return f"{place}: there is no such argument{nearest(place, self.arguments.model_fields, otherwise='')}"
        # The agent writes JSON, which knows neither tuples nor models.
        in_json = {"tuple_type": "should be a list", "model_type": "should be an object"}
        sentence = in_json.get(problem["type"], problem["msg"])
        return f"{place}: {sentence}" if place else sentence

    def _usage(self) -> str:
        names = [
            name if field.is_required() else f"{name} (optional)" for name, field in self.arguments.model_fields.items()
        ]
        return f"it takes {', '.join(names)}" if names else "it takes no arguments"


def tool(function: ToolFunction) -> Tool:
    """Make a tool of ``function``: what stands right of the ``*`` in its signature is its schema."""
    documentation = inspect.cleandoc(function.__doc__ or "")
    helps = arguments_in(documentation)
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (
                hints[parameter.name],
                Field(default, description=helps[parameter.name]),
            )
    model = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    schema = model.model_json_schema()
    schema.pop("title", None)
    spec = ToolSpec(name=function.__name__, description=before_arguments(documentation), input_schema=schema)
    return Tool(function, spec, model)
