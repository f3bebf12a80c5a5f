from __future__ import annotations

from IPython.core.completer import CompletionContext

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.completion import matcher


def asked(line: str, names: list[str] | None) -> tuple[list[str], list[list[str]], bool]:
    """What is offered for a line, the words that were handed on, and whether other completions are kept out."""
    handed: list[list[str]] = []

    def complete(before: list[str]) -> list[str]:
        handed.append(list(before))
        if names is None:
            raise BadInput("no organism")
        return names

    context = CompletionContext(
        token=line.split(" ")[-1], full_text=line, cursor_position=len(line), cursor_line=0, limit=None
    )
    found = matcher(complete)(context)
    return [entry.text for entry in found["completions"]], handed, bool(found["suppress"])


def test_words_before_the_cursor_lead_to_the_names():
    assert asked("%interp chat --te", ["--temperature", "--top-p"]) == (["--temperature"], [["chat"]], True)
    assert asked("x = %interp le", ["lens"]) == (["lens"], [[]], True)
    assert asked("%%interp ", ["lens"]) == (["lens"], [[]], True)


def test_other_lines_are_left_alone():
    assert asked("%load_e", ["lens"]) == ([], [], False)


def test_an_organism_that_cannot_be_asked_offers_nothing():
    assert asked("%interp le", None) == ([], [[]], False)
