from __future__ import annotations

from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec


def spec(doc: str = "", *parameters: tuple[str, str | None]) -> TechniqueSpec:
    made = tuple(Parameter(name=name, type="str", default=default, help="") for name, default in parameters)
    return TechniqueSpec(name="look", summary="", doc=doc, access=Access.SAMPLE, parameters=made)


def test_each_access_level_includes_the_ones_before_it():
    levels = list(Access)
    for i, level in enumerate(levels):
        assert [level.allows(needed) for needed in levels] == [j <= i for j in range(len(levels))]


def test_a_signature_has_what_is_required_first():
    assert spec("", ("a", None), ("b", "1")).signature == "look(a, *, b=1)"
    assert spec("", ("a", None)).signature == "look(a)"


def test_short_names_are_the_docstrings():
    assert spec("Looks.\n\nAccess: sample\nMagic: l, see\n").short_names == ("l", "see")
    assert spec("Looks. Magic: no line of its own.").short_names == ()
    assert spec("Looks.\n\nMagic:\n").short_names == ()
