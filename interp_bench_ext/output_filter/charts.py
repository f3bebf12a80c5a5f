"""Which charts a front end may draw: those of our own making, by a list of all that may stand in one."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import fastjsonschema

from .cleaner import LeftOut
from .text import shorten

_PATH_CHARACTERS = 120
SCHEMA = "chart.schema.json"
"""JSON Schema (draft 7) of the payload; the labextension checks by the same."""


def check_chart(payload: Any) -> None:
    """Raises LeftOut for a payload that holds anything beyond the list."""
    try:
        _validator()(payload)
    except fastjsonschema.JsonSchemaValueException as error:
        where = shorten(str(error.name).removeprefix("data."), _PATH_CHARACTERS)
        raise LeftOut(f"{where} is not what a chart may hold") from error


@functools.cache
def _validator() -> Callable[[Any], Any]:
    schema = json.loads(resources.files(__package__).joinpath(SCHEMA).read_text(encoding="utf-8"))
    validate: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return validate
