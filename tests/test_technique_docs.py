"""Every technique has a page that says how to read it and how it misleads, with an example that was run."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.host.technique_files import read_spec

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "techniques"
SPECS = [read_spec(file) for file in sorted((ROOT / "techniques").glob("*.py")) if not file.name.startswith("_")]


def test_pages_and_table_are_those_of_the_techniques() -> None:
    names = {spec.name for spec in SPECS}
    assert {page.stem for page in PAGES.glob("*.md")} == names
    table = (ROOT / "docs" / "techniques.md").read_text("utf-8")
    assert all(f"[`{name}`](techniques/{name}.md)" in table for name in names)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_page_has_all_its_parts(spec) -> None:
    page = (PAGES / f"{spec.name}.md").read_text("utf-8")
    for heading in ("## How to read it", "## The control", "## How it misleads", "## An example"):
        assert heading in page
    assert f"organism.{spec.name}(" in page
    output = page.split("<!-- output -->")[1].split("<!-- end -->")[0]
    assert output == "\n" or output.startswith("\n```text\n")  # empty until `make docs-examples` has run
    for picture in (part.split(")")[0] for part in output.split("](")[1:]):
        assert (PAGES / picture).is_file()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_docstring_cites_its_source_and_names_what_is_plotted(spec) -> None:
    assert "Source: " in spec.doc or spec.name == "get_model_info"
    assert "Plot: " in spec.doc
    assert all(parameter.help for parameter in spec.parameters)


def test_no_two_techniques_have_one_short_name() -> None:
    short = [name for spec in SPECS for name in spec.short_names]
    names = {spec.name for spec in SPECS}
    # chat and sample are each short for the other where only one is offered.
    assert len(short) == len(set(short))
    assert names & set(short) <= {"chat", "sample"}
