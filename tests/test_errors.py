from __future__ import annotations

from interp_bench_ext import errors
from interp_bench_ext.errors import BadInput, InterpBenchError, OrganismLost, from_code


def _all(kind: type[InterpBenchError]) -> list[type[InterpBenchError]]:
    return [kind, *(inner for child in kind.__subclasses__() for inner in _all(child))]


def test_every_code_names_one_error():
    kinds = [kind for kind in _all(InterpBenchError) if kind.__module__ == errors.__name__]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(type(from_code(kind.code, "why")) is kind for kind in kinds)


def test_a_kind_without_a_code_of_its_own_does_not_take_its_parents():
    class Kind(OrganismLost):
        def __init__(self) -> None:
            super().__init__("only made here")

    assert type(from_code(Kind().code, "why")) is OrganismLost


def test_an_unknown_code_is_still_an_error_of_ours():
    assert type(from_code("of a later version", "why")) is InterpBenchError
    assert from_code("organism_lost", "why").message == "why"


def test_a_notebook_shows_the_sentence_and_no_frames():
    assert OrganismLost("It is gone.")._render_traceback_() == ["OrganismLost: It is gone."]
    assert (BadInput.exit_code, InterpBenchError.exit_code) == (2, 1)
