"""A tool's schema is its own signature and docstring."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..provider import ToolSpec
from .session import ToolError, ToolResult

ToolFunction = Callable[..., Awaitable[ToolResult]]
_ARGUMENT = re.compile(r"^ {8}(\w+): (.+?)(?=^ {8}\w+: |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Tool:
    """A tool function with its schema; ``arguments`` validates what the agent sends."""

    function: ToolFunction
    spec: ToolSpec
    arguments: type[BaseModel]

    def validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """Arguments for the function. Raises ToolError that says which are wrong."""
        try:
            model = self.arguments.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
            )
            raise ToolError(f"{self.spec.name} was called with wrong arguments: {problems}") from None
        return {name: getattr(model, name) for name in type(model).model_fields}


def tool(function: ToolFunction) -> Tool:
    """Make a tool of ``function``: what stands right of the ``*`` in its signature is its schema."""
    documentation = inspect.cleandoc(function.__doc__ or "")
    description, _, arguments_text = documentation.partition("\nArgs:\n")
    helps = _argument_helps(arguments_text)
    hints = typing.get_type_hints(function)
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
    spec = ToolSpec(name=function.__name__, description=description.strip(), input_schema=schema)
    return Tool(function, spec, model)


def _argument_helps(text: str) -> dict[str, str]:
    padded = "\n".join(f"    {line}" for line in text.splitlines())
    return {name: " ".join(help_text.split()) for name, help_text in _ARGUMENT.findall(padded)}
