"""Small runs with what every reader must make of them; src/vectors.spec.ts reads the same files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.record.events import EVENT
from interp_bench_ext.record.journal import Entry


@dataclass(frozen=True)
class Vector:
    """A run's events, and the figures and cells that they come to, worked out by hand."""

    what: str
    entries: list[Entry]
    figures: dict[str, Any]
    cells: dict[str, dict[str, Any]]


def _read(file: Path) -> Vector:
    body = json.loads(file.read_text(encoding="utf-8"))
    entries = [Entry(item["seq"], item["at"], EVENT.validate_python(item["event"])) for item in body["events"]]
    return Vector(body["what"], entries, body["figures"], body["cells"])


VECTORS = [
    pytest.param(_read(file), id=file.stem) for file in sorted(Path(__file__).with_name("vectors").glob("*.json"))
]
