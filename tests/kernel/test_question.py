from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from interp_bench_ext.kernel.question import InterpQuestion


@pytest.fixture
def manager() -> TransformerManager:
    made = TransformerManager()
    made.token_transformers.append(InterpQuestion)
    return made


def call(rest: str) -> str:
    return f"get_ipython().run_line_magic('interp', {rest!r})\n"


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("%interp prefill?", call("prefill?")),
        ("%interp prefill ?", call("prefill ?")),
        ("%interp chat Who are you?", call("chat Who are you?")),
        ("%interp chat Really??", call("chat Really??")),
        ("x = %interp chat Who are you?", "x = " + call("chat Who are you?")),
        ("if True:\n    %interp chat Why?\n    y = 2", "if True:\n    " + call("chat Why?") + "    y = 2\n"),
        ("%interp chat why \\\n  not?", call("chat why    not?")),
        ("a = 1\n%interp chat a?\n%interp chat b?\n", "a = 1\n" + call("chat a?") + call("chat b?")),
    ],
)
def test_a_question_reaches_the_magic(manager: TransformerManager, cell: str, becomes: str):
    assert manager.transform_cell(cell) == becomes


@pytest.mark.parametrize("cell", ["%interp?", "%%interp?", "%interp??", "interp?", "name?", "%time?"])
def test_ipythons_own_help_stays(manager: TransformerManager, cell: str):
    assert manager.transform_cell(cell) == TransformerManager().transform_cell(cell)
    assert "pinfo" in manager.transform_cell(cell)


@pytest.mark.parametrize("cell", ["s = '''\n%interp chat who?\n'''\n", "5 %interp\n", '%interp chat "Who?"\n', "1\n"])
def test_other_text_is_left_alone(manager: TransformerManager, cell: str):
    assert manager.transform_cell(cell) == TransformerManager().transform_cell(cell)
