"""docs/architecture.md leads to places that are there, and draws the floors that import-linter holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_place_that_it_names_is_there():
    places = set(re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:md|toml))`", PAGE))
    assert len(places) > 40
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


def test_the_floors_are_those_of_the_linter():
    drawn = re.search(r"^## Floors.*?^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert drawn is not None
    floors = [re.split(r" {2,}", line)[0] for line in drawn[1].splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert floors == next(contract["layers"] for contract in contracts if contract["type"] == "layers")
