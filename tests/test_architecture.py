"""docs/architecture.md leads to places that are there, and draws the floors that import-linter holds."""

from __future__ import annotations

import ast
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


def test_only_placements_the_scorer_and_the_digests_open_the_sealed_half_of_a_config():
    package = ROOT / "interp_bench_ext"
    opened = {
        file.relative_to(package)
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "sealed" and ast.unparse(node.value) == "experiment"
    }
    rooms = {path.parts[0] if len(path.parts) > 1 else path.name for path in opened}
    assert rooms == {"organisms", "scoring", "outcome.py", "runs"}
    assert {path for path in opened if path.parts[0] == "runs"} == {Path("runs/provenance.py")}
