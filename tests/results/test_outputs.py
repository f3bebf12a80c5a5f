from __future__ import annotations

import base64
import json
import re
import struct
import sys
import zlib
from html.parser import HTMLParser

import pytest

from interp_bench_ext.output_filter.charts import check_chart
from interp_bench_ext.results import (
    AttentionGrid,
    EffectGrid,
    Generations,
    LensGrid,
    ModelInfo,
    Result,
    TokenDiff,
)
from interp_bench_ext.results.kit.bundles import CHART

from . import samples

_NORMAL, _HOSTILE, _EMPTY = samples.all_samples(), samples.hostile_samples(), samples.empty_samples()


_EVERY = [*_NORMAL, *_HOSTILE, *_EMPTY]


_TEXT_COLOURS = {"labelColor", "titleColor", "color", "subtitleColor"}


_TEXTUAL = (ModelInfo, Generations)


_CHARTED = [result for result in [*_NORMAL, *_HOSTILE] if not isinstance(result, _TEXTUAL)]


_SHOWN: dict[int, list[dict]] = {}


def outputs(result: Result) -> list[dict]:
    """What a notebook shows of one of the results above; drawn once, for pictures take their time."""
    if id(result) not in _SHOWN:
        _SHOWN[id(result)] = result.outputs()
    return _SHOWN[id(result)]


def drawn(result: Result) -> dict:
    """The output that is a chart."""
    return next(bundle for bundle in outputs(result) if CHART in bundle)


def _of(kind: type[Result]) -> Result:
    return next(result for result in _NORMAL if isinstance(result, kind))


def _named(result: Result) -> str:
    return type(result).__name__


class _Page(HTMLParser):
    """Checks what JupyterLab's sanitiser leaves of an untrusted output: these tags, attributes and style values."""

    _TAGS = frozenset("b br code details div p span summary table tbody td th thead tr".split())
    _COLOUR = r"(#[0-9a-f]{3,6}|rgba\(\d{1,3},\d{1,3},\d{1,3},(0(\.\d+)?|1)\))"
    _STYLES = {
        "background-color": _COLOUR,
        "border": "none",
        "border-collapse": "collapse",
        "border-left": rf"3px solid {_COLOUR}",
        "box-shadow": r"inset 0 0 0 2px #[0-9a-f]{6}",
        "color": _COLOUR,
        "font-family": "monospace",
        "font-size": r"\d+px",
        "font-weight": "600|normal",
        "height": r"\d+px",
        "line-height": r"\d\.\d+",
        "margin": r"(\d+(px)? ?){1,4}",
        "margin-bottom": r"\d+px",
        "margin-top": r"\d+px",
        "max-width": r"\d+px",
        "opacity": r"0\.\d+",
        "overflow-wrap": "break-word",
        "overflow-x": "auto",
        "padding": r"(\d+(px)? ?){1,4}",
        "padding-left": r"\d+px",
        "table-layout": "auto",
        "text-align": "left|right|center",
        "vertical-align": "top",
        "white-space": "nowrap|pre-wrap",
        "width": r"\d+px",
    }

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.shown = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self._TAGS
        if tag != "br":
            self.open.append(tag)
        for name, value in attrs:
            assert name in {"style", "title", "dir"}
            if name == "style":
                self._check(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data

    def _check(self, style: str) -> None:
        for declaration in filter(None, style.split(";")):
            name, value = declaration.split(":", 1)
            if value.startswith("var("):
                continue
            assert re.fullmatch(self._STYLES[name], value), declaration


@pytest.mark.parametrize("result", _EVERY, ids=_named)
def test_text_is_bounded_and_clean(result: Result):
    text = str(result)
    assert text.startswith(f"{type(result).__name__}: ")
    assert len(text) < 20_000
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]", text)
    assert "\n" not in repr(result)


@pytest.mark.parametrize("result", _EVERY, ids=_named)
def test_html_survives_an_untrusted_notebook(result: Result):
    (html,) = [bundle["text/html"] for bundle in outputs(result) if "text/html" in bundle]
    page = _Page(html)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]", page.shown)
    assert len(html) < 120_000


@pytest.mark.parametrize("result", [result for result in _CHARTED if not result._texts_first], ids=_named)
def test_a_chart_comes_first_and_its_table_is_folded_below(result: Result):
    # JupyterLab prefers HTML to a chart, so the two cannot be forms of one output.
    chart, table = outputs(result)
    assert set(chart) == {"text/plain", CHART, "image/png"}
    assert set(table) == {"text/html"}
    assert table["text/html"].startswith("<details><summary")
    assert chart["text/plain"] == str(result)


@pytest.mark.parametrize("result", [result for result in _CHARTED if result._texts_first], ids=_named)
def test_where_texts_say_most_they_stand_open_above_the_chart(result: Result):
    texts, chart = outputs(result)
    assert texts["text/plain"] == str(result)
    assert texts["text/html"].startswith("<div")
    assert set(chart) == {CHART, "image/png"}


@pytest.mark.parametrize("result", [*_EMPTY, *map(_of, _TEXTUAL)], ids=_named)
def test_texts_facts_and_nothing_are_one_output(result: Result):
    (shown,) = outputs(result)
    assert set(shown) == {"text/plain", "text/html"}


def test_hostile_text_is_shown_not_run():
    page = _HOSTILE[0]._repr_mimebundle_()["text/html"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "(7,500 more characters)" in page


@pytest.mark.parametrize("result", _EVERY, ids=_named)
def test_every_result_has_a_table_and_a_plot(result: Result):
    assert len(result.table().columns) >= 2
    spec = result.plot().to_dict()
    assert "v5" in spec["$schema"]


@pytest.mark.parametrize("result", _CHARTED, ids=_named)
def test_charts_read_in_both_themes_and_need_no_network(result: Result):
    spec = drawn(result)[CHART]["spec"]
    config = spec["config"]
    assert spec["background"] == "transparent"
    texts = [config["axis"], config["legend"], config["title"]]
    assert {value for part in texts for key, value in part.items() if key in _TEXT_COLOURS} == {"currentColor"}
    assert not _found(spec, "url")


@pytest.mark.parametrize("result", _CHARTED, ids=_named)
def test_charts_hold_nothing_beyond_the_list_of_what_a_front_end_draws(result: Result):
    check_chart(drawn(result)[CHART])
    check_chart(result.plot()._repr_mimebundle_()[CHART])


@pytest.mark.parametrize("result", [result for result in _NORMAL if not isinstance(result, _TEXTUAL)], ids=_named)
def test_a_chart_by_itself_shows_itself(result: Result):
    bundle = result.plot()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", CHART, "image/png"}
    assert set(result.plot().properties(title="another")._repr_mimebundle_()) == set(bundle)


@pytest.mark.parametrize("result", _CHARTED, ids=_named)
def test_pictures_are_small_pngs_of_the_chart(result: Result):
    bundle = drawn(result)
    picture = base64.b64decode(bundle["image/png"])
    width, height = struct.unpack_from(">II", picture, 16)
    assert picture.startswith(b"\x89PNG")
    assert 200 < width < 1000
    assert 80 < height < 900
    assert len(picture) < 60_000


def test_pictures_are_dark_on_white_whatever_the_page():
    png = base64.b64decode(drawn(_of(TokenDiff))["image/png"])
    assert _first_pixel(png) == (255, 255, 255)


@pytest.mark.parametrize("kind", [LensGrid, EffectGrid, AttentionGrid])
def test_grids_show_tokens_and_not_indices(kind: type[Result]):
    chart, table = outputs(_of(kind))
    assert "␣capital" in table["text/html"]
    expressions = _found(chart[CHART], "labelExpr")
    labels = [json.loads(expression.removesuffix("[datum.value]")) for expression in expressions]
    assert ["The", "␣capital", "␣of", "␣France", "␣is"] in labels


def _found(part: object, key: str) -> list:
    """Every value of ``key`` in nested JSON."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    own = [part[key]] if isinstance(part, dict) and key in part else []
    return own + [value for child in inner for value in _found(child, key)]


def _first_pixel(png: bytes) -> tuple[int, ...]:
    """Of an 8-bit picture: the upper left corner, which no filter changes."""
    start = png.index(b"IDAT") + 4
    (length,) = struct.unpack_from(">I", png, start - 8)
    return tuple(zlib.decompress(png[start : start + length])[1:4])


def test_a_terminal_gets_text_only(monkeypatch: pytest.MonkeyPatch):
    class Formatter:
        active_types = ("text/plain",)

    class Shell:
        display_formatter = Formatter()

    class IPython:
        @staticmethod
        def get_ipython() -> Shell:
            return Shell()

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    result = samples.word_scores()
    assert set(result._repr_mimebundle_()) == {"text/plain"}
    assert set(result.plot()._repr_mimebundle_()) == {"text/plain"}
    with pytest.raises(NotImplementedError):  # IPython then shows the text itself
        result._ipython_display_()
