"""A caller's arguments against a technique's signature."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, BadInput
from interp_bench_ext.host.technique_files import Technique
from interp_bench_ext.wrong_input import nearest


def checked_arguments(technique: Technique, arguments: Mapping[str, Any], access: Access) -> dict[str, Any]:
    """The arguments converted to the annotated types; those left out keep the function's defaults.

    Raises BadInput (unknown, missing or of the wrong type) and AccessDenied (``base=True`` below base access, or a
    technique above the cap).
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
    missing = [p.name for p in technique.spec.parameters if p.default is None and p.name not in arguments]
    if missing:
        raise BadInput(f"{name} needs the argument{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    converted = _convert(technique, arguments)
    if converted.get("base") is True and not access.allows(Access.BASE):
        raise AccessDenied(
            f"{name} with base=True needs access to the base model, and this organism's config allows {access}."
        )
    return converted


def _convert(technique: Technique, arguments: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: (kind, ...) for name, kind in _types(technique.function).items() if name in arguments
    }
    config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    model = create_model("Arguments", __config__=config, **fields)
    try:
        checked = model.model_validate(dict(arguments))
    except ValidationError as error:
        raise BadInput(_sentence(technique, arguments, error)) from None
    return {name: getattr(checked, name) for name in arguments}


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    return {
        name: hints.get(name, Any)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def _sentence(technique: Technique, arguments: Mapping[str, Any], error: ValidationError) -> str:
    """One sentence about the first argument that is wrong; the many complaints of a union are its type's name."""
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    kind = next(parameter.type for parameter in technique.spec.parameters if parameter.name == name)
    same = sum(1 for entry in error.errors() if entry["loc"][0] == name)
    reason = "" if same > 1 else f" ({first['msg'].lower()})"
    given = repr(arguments[name])
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    return f"{technique.spec.name}: the argument {name!r} should be {kind}{reason}, not {shown}."
