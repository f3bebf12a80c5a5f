"""docs/architecture.md leads to places that are there, and draws the floors that import-linter holds.

The tests of a module lie where the module does.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "interp_bench_ext"
SHORT = 40
"""Lines of a module that needs no test file of its own."""
ELSEWHERE = {
    "agent/test_anthropic.py": ("agent/provider",),
    "agent/test_background.py": ("agent/tools/poll_cell",),
    "agent/test_loop.py": ("agent/turn",),
    "agent/test_tools.py": ("agent/tools/__init__",),
    "agent/test_validity.py": ("agent/tools/submit_findings",),
    "cli/test_inspect.py": ("cli/__init__",),
    "cli/test_rerun.py": ("runs/rerun",),
    "handlers/test_routes.py": ("app", "handlers/report"),
    "host/test_bundled.py": ("host/dequantise",),
    "host/test_base_rows.py": ("host/adapter", "host/adapter_rows"),
    "host/test_dispatch.py": ("host/organism", "host/service"),
    "host/test_engine.py": (
        *(
            "host/arms",
            "host/batch_state",
            "host/batches",
            "host/calls",
            "host/decoding",
            "host/passed",
            "host/passes",
            "host/rows",
            "host/selfcheck",
        ),
    ),
    "host/test_families.py": ("host/parts",),
    "host/test_loading.py": ("host/__main__", "host/devices", "host/load"),
    "host/test_sites.py": ("host/site_proof", "host/site_search"),
    "host/test_veil.py": ("host/tokens",),
    "hub/test_place.py": (
        *("organisms/places/hub/api", "organisms/places/hub/configs", "organisms/places/hub/organism"),
        *("organisms/places/hub/place", "organisms/places/hub/relay"),
    ),
    "hub/test_service.py": (
        *("hub/calls", "hub/forward", "hub/identity", "hub/metrics", "hub/offers", "hub/overview"),
        *("hub/application", "hub/routes", "hub/serving"),
    ),
    "hub/test_classes.py": ("hub/classrooms",),
    "hub/test_store.py": ("hub/quotas", "hub/settings"),
    "hub/test_gateway.py": (*("hub/gateway/__main__", "hub/gateway/settings", "hub/gateway/spending"),),
    "kernel/test_client.py": ("__init__",),
    "kernel/test_by_hand.py": ("handlers/by_hand",),
    "kernel/test_investigate.py": ("kernel/server_api",),
    "mcp/test_http.py": ("handlers/asgi", "handlers/mcp", "mcp/endpoint"),
    "mcp/test_stdio.py": ("cli/mcp",),
    "notebook/test_executor.py": ("notebook/iopub",),
    "notebook/test_relay.py": ("output_filter/relay",),
    "notebook/test_server_kernels.py": ("notebook/kernel_factory",),
    "notebook/test_session.py": ("notebook/kernels", "notebook/own_kernels"),
    "notebook/test_ydoc.py": ("notebook/room",),
    "methods/test_running.py": ("host/method_questions", "methods/organism"),
    "organisms/test_method_sandboxes.py": ("host/methods",),
    "organisms/places/modal/test_organism.py": (
        *("organisms/places/modal/app", "organisms/places/modal/remote", "organisms/places/modal/service"),
    ),
    "redteam/hub/test_service.py": ("hub/scores",),
    "redteam/hub/test_logins.py": ("hub/admin", "hub/pages", "hub/sessions"),
    "programs/test_lines.py": ("programs/claude_code", "programs/codex", "programs/gemini", "programs/program"),
    "programs/test_run.py": ("programs/child", "programs/endpoint", "programs/session"),
    "runs/test_served.py": ("handlers/desk", "handlers/runs"),
    "runs/test_services.py": ("runs/environment",),
    "runs/test_shared_organism.py": ("handlers/organisms",),
    "scoring/test_contaminated.py": ("runs/leaks",),
    "test_runs.py": ("cli/investigate",),
}
"""Tests that need a whole run, server, kernel or model, and the modules that show what they do in those only."""
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_place_that_it_names_is_there():
    places = set(re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:md|toml))`", PAGE))
    assert len(places) > 40
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


def test_no_module_is_longer_than_a_person_reads_at_once():
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert [str(file.relative_to(PACKAGE)) for file, count in lines.items() if count > 400] == []


def test_the_floors_are_those_of_the_linter():
    drawn = re.search(r"^## Floors.*?^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert drawn is not None
    floors = [re.split(r" {2,}", line)[0] for line in drawn[1].splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert floors == next(contract["layers"] for contract in contracts if contract["type"] == "layers")


def test_only_placements_the_scorer_and_the_digests_open_the_sealed_half_of_a_config():
    opened = {
        file.relative_to(PACKAGE)
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "sealed" and ast.unparse(node.value) == "experiment"
    }
    rooms = {path.parts[0] if len(path.parts) > 1 else path.name for path in opened}
    assert rooms == {"organisms", "scoring", "outcome.py", "runs"}
    assert {path for path in opened if path.parts[0] == "runs"} == {Path("runs/provenance.py")}


def _own_tests(module: Path) -> Path:
    return ROOT / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"


def _does_something(node: ast.AST) -> bool:
    """Whether it is a function of more than a docstring and three dots, as those of a protocol are."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)


def _with_logic() -> set[str]:
    """The modules of more than a few lines that do something."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if len(text.splitlines()) > SHORT and any(map(_does_something, ast.walk(ast.parse(text)))):
            found.add(file.relative_to(PACKAGE).with_suffix("").as_posix())
    return found


def test_each_module_with_logic_has_tests_where_it_lies():
    with_logic = _with_logic()
    assert len(with_logic) > 200
    told = [module for modules in ELSEWHERE.values() for module in modules]
    without = {module for module in with_logic if not _own_tests(Path(module)).is_file()}
    assert without - set(told) == set(), "write tests/<its room>/test_<its name>.py"
    assert set(told) - without == set(), "these have tests of their own now, or are no more: take them off the list"
    assert len(told) == len(set(told))
    assert [name for name in ELSEWHERE if not (ROOT / "tests" / name).is_file()] == []
