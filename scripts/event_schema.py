"""Prints the JSON schema of everything that the browser reads or writes: events, request bodies and replies.

``jlpm generate`` makes src/generated from it.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from interp_bench_ext import api
from interp_bench_ext.record.events import EVENT

_BODIES = (api.StartRun, api.Command)


class _Sent(GenerateJsonSchema):
    """A client may leave out what has a default in a body; in an event or a reply it is always there."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def schemas() -> dict[str, Any]:
    """Two JSON schemas: ``events`` (the union of all events) and ``api`` (its models under ``$defs``)."""
    events = EVENT.json_schema(mode="serialization", schema_generator=_Sent)
    return {"events": _untitled({**events, "title": "Event"}), "api": _untitled(_api())}


def _api() -> dict[str, Any]:
    models = [model for _, model in inspect.getmembers(api, inspect.isclass) if model.__module__ == api.__name__]
    public = [model for model in models if issubclass(model, BaseModel) and not model.__name__.startswith("_")]
    _, schema = models_json_schema(
        [(model, "validation" if issubclass(model, _BODIES) else "serialization") for model in public],
        schema_generator=_Sent,
    )
    schema["$defs"]["EventEntry"]["properties"]["event"] = {"tsType": "Event"}
    return {"title": "Api", **schema}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the titles of properties: each would become a type of its own."""
    for definition in schema["$defs"].values():
        definition.pop("title", None)
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
    return schema


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schemas(), indent=2, ensure_ascii=False) + "\n")
