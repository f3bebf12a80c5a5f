from __future__ import annotations

import ast

import pytest

from interp_bench_ext.kernel.statements import ShowStatements

LINE = "get_ipython().run_line_magic('interp', {!r})"


def shown(source: str) -> list[object]:
    """What a cell of ``source`` displays, and what it leaves as its last value."""
    seen: list[object] = []

    class Shell:
        def run_line_magic(self, _name: str, line: str) -> str:
            return line

    tree = ShowStatements().visit(ast.parse(source))
    *before, last = tree.body
    names = {"display": seen.append, "get_ipython": Shell}
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        seen.append(("value", eval(compile(ast.Expression(last.value), "cell", "eval"), names)))
    else:
        exec(compile(ast.Module([last], []), "cell", "exec"), names)
    return seen


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{LINE.format('info')}\n1", ["info", ("value", 1)]),
        (f"{LINE.format('info;')}\n1", [("value", 1)]),
        (LINE.format("info"), [("value", "info")]),
        (LINE.format("info;"), [("value", None)]),
        (f"for _ in range(2):\n    {LINE.format('info')}", ["info", "info"]),
        (f"x = {LINE.format('info')}\n1", [("value", 1)]),
        ("get_ipython().run_line_magic('time', '1')\n1", [("value", 1)]),
    ],
)
def test_a_line_shows_itself_wherever_it_is_a_statement(source: str, expected: list[object]):
    assert shown(source) == expected


def test_an_empty_cell_stays_one():
    assert ast.unparse(ShowStatements().visit(ast.parse(""))) == "pass"
