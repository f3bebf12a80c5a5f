from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from interp_bench_ext.agent.playbook.battery import CONTEXTS
from interp_bench_ext.agent.playbook.cells import Cells, quoted, shares
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.kernel.arguments import bind

ODD = ["it's", 'say "no"', "back\\slash", "two\nlines"]


def every(cells: Cells) -> dict[str, str]:
    """Each cell's source, with words and prompts that need quotes."""
    arguments = {
        "battery": (ODD,), "contexts": (list(CONTEXTS),), "confirm": (ODD, ODD), "token_probs": (ODD,),
        "amplified": (ODD, ODD), "confirm_context": (ODD, next(iter(CONTEXTS)), ODD, ODD), "lens": (ODD[0], "fresh"),
    }  # fmt: skip
    names = [name for name, _ in inspect.getmembers(Cells, inspect.isfunction) if not name.startswith("_")]
    return {name: getattr(cells, name)(*arguments.get(name, ())) for name in names}


@pytest.mark.parametrize("with_base", [True, False])
@pytest.mark.parametrize("ask", ["sample", "text_completion"])
def test_every_cell_is_python_whatever_the_words_are(with_base: bool, ask: str):
    for name, source in every(Cells(3, with_base, ask)).items():
        ast.parse(source)
        assert source == source.strip(), name


def test_every_call_of_a_technique_is_one_that_it_takes():
    """Which the wire would refuse: names, and how many may be given by position."""
    folder = Path(__file__).parents[3] / "techniques"
    calls = [
        (node.func.attr, node)
        for source in every(Cells(0, True, "sample")).values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("organism.")
    ]
    assert {"diff_mining", "adapter_amplification", "sample"} <= {name for name, _ in calls}
    for name, call in calls:
        given = {keyword.arg: None for keyword in call.keywords}
        bind(read_spec(folder / f"{name}.py"), [None for _ in call.args], given)


def test_the_base_is_asked_where_it_may_be():
    asked = {name for name, source in every(Cells(0, True, "sample")).items() if "base=True" in source}
    assert asked == {"battery", "confirm", "contexts_contrast", "confirm_context", "token_probs", "prefills"}
    without = every(Cells(0, False, "sample"))
    assert [name for name, source in without.items() if "base=True" in source and name != "confirm"] == []


def test_draws_that_confirm_are_others_than_those_that_suggested():
    cells = Cells(7, True, "sample")
    assert "seed=7)" in cells.battery(["a"])
    assert "seed=1007" in cells.confirm(["a"], ["b"])
    assert "seed=2007" in cells.confirm_context(["a"], next(iter(CONTEXTS)), ["b"], [])


def test_prompts_stand_in_the_cell_as_they_are():
    tree = ast.parse(Cells(0, True, "sample").battery(ODD))
    [listed] = [node for node in ast.walk(tree) if isinstance(node, ast.List)]
    assert ast.literal_eval(listed) == ODD


def test_each_context_changes_a_prompt():
    source = Cells(0, True, "sample").contexts(list(CONTEXTS))
    [assigned] = [node for node in ast.parse(source).body if ast.unparse(node).startswith("contexts = ")]
    names: dict[str, object] = {}
    exec(ast.unparse(assigned), names)
    changed = {name: change("Who are you?") for name, change in names["contexts"].items()}  # type: ignore[attr-defined]
    assert len(set(changed.values())) == len(CONTEXTS)
    assert "Who are you?" not in changed.values()
    assert changed["written in capitals"] == "WHO ARE YOU?"


def test_words_of_a_claim():
    assert quoted(["a", "b"]) == "\u201ca\u201d, \u201cb\u201d"
    facts = {"k": 3, "n": 4, "control_k": 1, "control_n": 5}
    assert shares(facts) == "3 of 4 fresh replies against 1 of 5"
