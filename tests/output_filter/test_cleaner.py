from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from interp_bench_ext.output_filter.cleaner import Cleaner, LeftOut, draw_chart
from tests.redteam.suite import attempt

REMOTE = [
    '<img src="https://canary.test/x.png">',
    '<img srcset="https://canary.test/x.png 2x">',
    '<audio src="https://canary.test/x"></audio>',
    '<video poster="https://canary.test/x"></video>',
    '<p style="background:url(https://canary.test/x)">x</p>',
    '<p style="background-color:u\\72l(https://canary.test/x)">x</p>',
    "<p style=\"font-family:image-set('https://canary.test/x')\">x</p>",
    '<link rel="stylesheet" href="https://canary.test/x">',
    "<style>@import url(https://canary.test/x)</style>",
    '<svg><image href="https://canary.test/x"/></svg>',
    '<object data="https://canary.test/x"></object>',
    '<iframe src="https://canary.test/x"></iframe>',
    '<table background="https://canary.test/x"></table>',
]
PICTURES = ["![x](https://canary.test/x)", "[x]: https://canary.test/x\n\n![x]", '*x* <img src="//canary.test/x">']
SPEAKS = [
    '<button data-commandlinker-command="interp-bench:approve">x</button>',
    '<a href="javascript:alert(1)">x</a>',
    '<p onclick="alert(1)" id="x" class="jp-x">x</p>',
    '<form action="https://canary.test"><input name="x"></form>',
    "<script>alert(1)</script>",
]
FORBIDDEN = ("canary", "commandlinker", "script", "alert", "onclick", "id=", "class=", "<form", "<input", "<svg")
ENDLESS = {
    "nested": "<div>" * 40_000,
    "formatted": "<p><b>" * 30_000,
    "closed by nobody": "<b></x>" * 20_000,
    "quotes": ">" * 150_000,
    "style": f'<b style="color:{"(" * 60_000}">',
}


@pytest.fixture(scope="module")
def cleaner() -> Iterator[Cleaner]:
    with Cleaner() as cleaner:
        yield cleaner


@attempt("F11", "browser", "HTML and Markdown that load, run or press a button of JupyterLab", veil="any")
@pytest.mark.parametrize("markup", [*REMOTE, *SPEAKS])
def test_nothing_loads_and_nothing_speaks_to_the_page(cleaner: Cleaner, markup: str) -> None:
    assert [word for word in FORBIDDEN if word in markup]
    for cleaned in (cleaner.html(markup), cleaner.markdown(markup)):
        assert not [word for word in FORBIDDEN if word in cleaned]


@pytest.mark.parametrize("markup", PICTURES)
def test_markdown_loads_no_picture(cleaner: Cleaner, markup: str) -> None:
    assert "canary" not in cleaner.markdown(markup)


def test_tables_colours_links_and_data_images_stay(cleaner: Cleaner) -> None:
    kept = [
        '<table style="border-collapse:collapse"><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
        "<p style=\"background-color:rgba(1, 2, 3, 0.5);font-family:var(--jp-x,'Segoe UI',monospace)\">x</p>",
        '<img src="data:image/png;base64,AAAA" alt="x">',
        '<a href="https://example.org" rel="noopener noreferrer">x</a>',
        '<progress value="1" max="3"></progress>',
        '<details open=""><summary>x</summary>y</details>',
    ]
    assert [cleaner.html(markup) for markup in kept] == kept


def test_markdown_has_its_shape(cleaner: Cleaner) -> None:
    html = cleaner.markdown("# Title\n\n|a|b|\n|-|-|\n|1|2|\n\n`<b>` ~~gone~~ <b>bold</b>")
    assert all(part in html for part in ("<h1>Title</h1>", "<td>1</td>", "<code>&lt;b&gt;</code>", "<b>bold</b>"))


@attempt("G5", "report", "Markup that is nested or styled without end", veil="any")
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_markup_costs_itself_only(cleaner: Cleaner, name: str) -> None:
    begun = time.monotonic()
    for clean in (cleaner.html, cleaner.markdown):
        with contextlib.suppress(LeftOut):
            clean(ENDLESS[name])
    assert time.monotonic() - begun < 20
    assert cleaner.html("<b>next</b>") == "<b>next</b>"


CHART = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


def test_a_chart_is_drawn_in_a_child() -> None:
    assert draw_chart(CHART).startswith(b"\x89PNG")


@attempt("G4", "report", "A chart of a thousand million rows", veil="any")
@pytest.mark.parametrize("stop", [pytest.param(2e7, marks=pytest.mark.slow), 1e9])
def test_an_endless_sequence_ends_the_child_and_not_us(stop: float) -> None:
    with pytest.raises(LeftOut, match="takes more than"):
        draw_chart({**CHART, "data": {"sequence": {"start": 0, "stop": stop, "as": "x"}}})
    assert draw_chart({**CHART, "data": {"sequence": {"start": 0, "stop": 9, "as": "x"}}})


def test_a_chart_loads_nothing() -> None:
    loads = {**CHART, "data": {"url": "file:///etc/passwd", "format": {"type": "dsv", "delimiter": ":"}}}
    inline = {**CHART, "data": {"values": []}}
    assert len(draw_chart(loads)) <= len(draw_chart(inline)) + 200
