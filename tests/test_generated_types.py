"""The browser's types are generated from the models: what is committed is what they give."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "src" / "generated"


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "event_schema.py"))["schemas"]()


def test_the_schema_is_that_of_the_models(schemas):
    committed = json.loads((GENERATED / "schema.json").read_text(encoding="utf-8"))
    assert committed == schemas, "run `jlpm generate`"


@pytest.mark.parametrize("name", ["events.ts", "api.ts"])
def test_the_types_are_those_of_the_schema(name):
    schema = (GENERATED / "schema.json").read_bytes()
    made_from = re.search(r"sha256 ([0-9a-f]{64})", (GENERATED / name).read_text(encoding="utf-8"))
    assert made_from is not None
    assert made_from[1] == hashlib.sha256(schema).hexdigest(), "run `jlpm generate`"


def test_every_event_has_a_type(schemas):
    types = (GENERATED / "events.ts").read_text(encoding="utf-8")
    members = schemas["events"]["discriminator"]["mapping"]
    assert len(members) > 20
    for kind in members:
        assert f"type: '{kind}';" in types


def test_replies_say_all_of_their_fields_and_bodies_only_what_they_must(schemas):
    models = schemas["api"]["$defs"]
    assert set(models["ConfigCard"]["required"]) == set(models["ConfigCard"]["properties"])
    assert set(models["StartRun"]["required"]) == {"request_id", "config"}
