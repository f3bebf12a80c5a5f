"""A caller's arguments against a technique's signature."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, BadInput
from interp_bench_ext.host.technique_files import Technique
from interp_bench_ext.wrong_input import nearest

_LOOSE = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
_COMPLAINTS = 100
_MOST_ENTRIES = 25_000
"""Of an argument. Each one that is wrong is a complaint of its own, and each right one a pass of the model."""


def checked_arguments(technique: Technique, arguments: Mapping[str, Any], access: Access) -> dict[str, Any]:
    """The arguments converted to the annotated types; those left out keep the function's defaults.

    Raises BadInput (unknown, missing or of the wrong type) and AccessDenied (a technique above the cap).
    """
    name = technique.spec.name
    if not access.allows(technique.spec.access):
        raise AccessDenied(
            f"{name} needs access to {technique.spec.access}, and this organism's config allows {access}."
        )
    known = [parameter.name for parameter in technique.spec.parameters]
    for given in arguments:
        if given not in known:
            raise BadInput(
                f"{name} has no argument {given!r}{nearest(given, known)}" if known else f"{name} takes no arguments."
            )
    for argument, value in arguments.items():
        if (entries := _entries(value)) > _MOST_ENTRIES:
            raise BadInput(
                f"{name}: the argument {argument!r} holds {entries:,} entries, and {_MOST_ENTRIES:,} is the most: give "
                "it fewer at a time."
            )
    missing = [p.name for p in technique.spec.parameters if p.default is None and p.name not in arguments]
    if missing:
        raise BadInput(f"{name} needs the argument{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    return _convert(technique, arguments)


def _entries(value: object) -> int:
    """How many entries its lists have, those of lists in them too."""
    return len(value) + sum(map(_entries, value)) if isinstance(value, list) else 0


def _convert(technique: Technique, arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        checked = _model(technique.function).model_validate(dict(arguments))
    except ValidationError as error:
        raise BadInput(_sentence(technique, arguments, error)) from None
    return {name: getattr(checked, name) for name in arguments}


@functools.cache
def _model(function: Callable[..., Any]) -> type[BaseModel]:
    """Of all of a technique's arguments. Made once: it takes as long as a small call, and what it leaves adds up."""
    fields: dict[str, Any] = {name: (kind, None) for name, kind in _types(function).items()}
    return create_model("Arguments", __config__=_LOOSE, **fields)


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    return {
        name: hints.get(name, Any)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def _sentence(technique: Technique, arguments: Mapping[str, Any], error: ValidationError) -> str:
    """One sentence about the first argument that is wrong; the many complaints of a union are its type's name."""
    name, reason = _first_wrong(technique, arguments, error)
    kind = next(parameter.type for parameter in technique.spec.parameters if parameter.name == name)
    given = repr(arguments[name])
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    return f"{technique.spec.name}: the argument {name!r} should be {kind}{reason}, not {shown}."


def _first_wrong(technique: Technique, arguments: Mapping[str, Any], error: ValidationError) -> tuple[str, str]:
    """The argument that is wrong, and what is, in brackets, where that is one thing."""
    if error.error_count() > _COMPLAINTS:  # to list them takes seconds
        kinds = _types(technique.function)
        return next(name for name, value in arguments.items() if not _fits(kinds[name], value)), ""
    complaints = error.errors(include_url=False, include_context=False)
    first = complaints[0]
    same = sum(1 for entry in complaints if entry["loc"][0] == first["loc"][0])
    return str(first["loc"][0]), "" if same > 1 else f" ({first['msg'].lower()})"


def _fits(kind: Any, value: Any) -> bool:
    try:
        create_model("Argument", __config__=_LOOSE, value=(kind, ...)).model_validate({"value": value})
    except ValidationError:
        return False
    return True
