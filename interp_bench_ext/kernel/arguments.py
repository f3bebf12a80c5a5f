"""A technique's arguments: bound to its parameters as Python would bind them, and made into plain JSON."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from ..contracts import Parameter, TechniqueSpec
from ..errors import BadInput
from ..results import Result
from ..results.generations import Generations
from ..wrong_input import nearest


class WrongArguments(BadInput, TypeError):
    """A technique was called with arguments that it does not take."""

    code = "arguments"


class _Verbatim:
    """Shows as the text that it was given: a default or an annotation that only the organism can evaluate."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def signature(spec: TechniqueSpec) -> inspect.Signature:
    """The technique's signature: what is required first and positional, the rest by keyword."""
    ordered = sorted(spec.parameters, key=lambda parameter: parameter.default is not None)
    return inspect.Signature([_parameter(parameter) for parameter in ordered], return_annotation=_Verbatim("Result"))


def _parameter(parameter: Parameter) -> inspect.Parameter:
    annotation = _Verbatim(parameter.type)
    if parameter.default is None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Parameter(parameter.name, kind, annotation=annotation)
    default = default_value(parameter.default)
    return inspect.Parameter(parameter.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def default_value(literal: str) -> Any:
    """The value of a Python literal, or something that prints as it where it is none."""
    try:
        return ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return _Verbatim(literal)


def bind(spec: TechniqueSpec, positional: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON for each parameter that was given.

    Raises:
        WrongArguments: an argument is unknown, given twice, missing, or cannot be sent.
    """
    required = [parameter.name for parameter in spec.parameters if parameter.default is None]
    known = [parameter.name for parameter in spec.parameters]
    if len(positional) > len(required):
        takes = ", ".join(required) or "none"
        raise WrongArguments(f"Only {takes} may be given by position: {spec.signature}.")
    given = dict(zip(required, positional, strict=False))
    for name, value in named.items():
        if name not in known:
            hint = nearest(name, known, otherwise="")
            raise WrongArguments(f"{spec.name} has no argument {name!r}{hint} ({spec.signature})")
        if name in given:
            raise WrongArguments(f"{spec.name} got {name!r} twice: {spec.signature}.")
        given[name] = value
    if missing := [name for name in required if name not in given]:
        raise WrongArguments(f"{spec.name} needs {' and '.join(missing)}: {spec.signature}.")
    return {name: plain(value, f"{spec.name}'s {name}") for name, value in given.items()}


def plain(value: Any, where: str) -> Any:
    """``value`` as JSON can carry it; texts stand for :class:`Generations`, lists for arrays and tuples."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Generations):
        return list(value.texts)
    if isinstance(value, Result):
        return {field.name: plain(getattr(value, field.name), where) for field in fields(value)}
    if hasattr(value, "tolist"):
        return plain(value.tolist(), where)
    if isinstance(value, (int, float)):
        if math.isfinite(value):
            return value
        raise WrongArguments(f"{where} is {value}, which is not a finite number.")
    return _container(value, where)


def _container(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(item, where) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        return [plain(item, where) for item in value]
    raise WrongArguments(f"{where} cannot be sent to the organism: it is of type {type(value).__name__}.")
