from __future__ import annotations

import base64
import json
import re
import struct
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from interp_bench_ext.results import LensGrid, Result, plots
from interp_bench_ext.results.display import VEGALITE
from interp_bench_ext.results.text import evenly
from interp_bench_ext.results.wording import clean, clip, one_line, probability, token_label

from . import samples

_NORMAL, _HOSTILE, _EMPTY = samples.all_samples(), samples.hostile_samples(), samples.empty_samples()
_EVERY = [*_NORMAL, *_HOSTILE, *_EMPTY]


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
    bundle = result._repr_mimebundle_()
    page = _Page(bundle["text/html"])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]", page.shown)
    assert len(bundle["text/html"]) < 120_000


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


@pytest.mark.parametrize("result", [*_NORMAL[2:], *_HOSTILE[1:]], ids=_named)
def test_pictures_are_small_pngs_of_the_chart(result: Result):
    bundle = result._repr_mimebundle_()
    assert "</script" not in json.dumps(bundle[VEGALITE]["$schema"])
    picture = base64.b64decode(bundle["image/png"])
    width, height = struct.unpack_from(">II", picture, 16)
    assert picture.startswith(b"\x89PNG")
    assert 200 < width < 1000
    assert 80 < height < 900
    assert len(picture) < 60_000


def test_a_large_lens_stays_a_small_output():
    tokens = tuple(f" token{i}" for i in range(256))
    grid = samples.lens_grid(n_layers=81, tokens=tokens, k=5)
    bundle = grid._repr_mimebundle_()
    assert len(bundle["text/plain"]) < 5_000
    assert len(json.dumps(bundle)) < 250_000
    assert len(grid.table()) == 81 * 256 * 5
    assert len(json.dumps(plots.plot(grid).to_dict())) < 700_000


def test_nothing_to_draw_means_no_picture():
    assert all("image/png" not in result._repr_mimebundle_() for result in [*_EMPTY, *_NORMAL[:2]])


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
    assert set(samples.word_scores()._repr_mimebundle_()) == {"text/plain"}


def test_texts_say_what_matters():
    generations = str(_NORMAL[1])
    assert "prompt: What is your secret?" in generations
    assert "prefill: My secret is" in generations
    assert "1. that I always assume" in generations
    probs = str(_NORMAL[2])
    assert "␣Paris 0.620" in probs
    assert "target ␣Marseille (␣Mars|eille): p 1e-04, log p -9.20 nats, first token rank 412" in probs
    lens = str(_NORMAL[3])
    assert "rank 1 from layer" in lens
    assert "more cells: all in .table()" in lens
    assert "␣lady 6.10" in str(_NORMAL[4])
    assert re.search(r"galaxy +7\.20 +\+4\.32  38/40 \(95 %\) +0/40 \(0 %\)", str(_NORMAL[5]))


def test_a_target_that_loses_its_place_at_the_end_is_not_called_first():
    grid = samples.lens_grid(n_layers=4)
    ranks = np.array([[9], [1], [1], [3]], dtype=np.int64) * np.ones((1, 5), np.int64)
    assert "best rank 1 at layer 1" in str(LensGrid(**{**grid.__dict__, "target_ranks": ranks}))


def test_a_sample_of_layers_keeps_equal_gaps_to_the_last():
    assert evenly(range(31), 16) == list(range(0, 31, 2))
    assert evenly(range(30), 16) == [0, *range(1, 30, 2)]
    assert evenly(range(5), 16) == [0, 1, 2, 3, 4]
    for n in range(1, 90):
        picked = evenly(range(n), 16)
        assert len(picked) <= 16
        assert (picked[0], picked[-1]) == (0, n - 1)


def test_tables_name_their_units():
    assert list(_NORMAL[1].table().columns) == [
        "prompt", "prefill", "text", "tokens", "logprob_nats", "logprob_nats_per_token", "finish", "arm",
    ]  # fmt: skip
    probs = _NORMAL[2].table()
    assert probs.query("kind == 'target'")["first_token_rank"].tolist() == [1, 412]
    lens = _NORMAL[3].table()
    first = lens[(lens.layer == 30) & (lens.position == 4) & (lens.place == 1)].iloc[0]
    assert (first.token, first.top_token) == (" is", _NORMAL[3].top_tokens[30][4][0])
    assert first.p == pytest.approx(float(_NORMAL[3].top_probs[30, 4, 0]))


def test_words_for_people():
    assert token_label(" a\nb\t") == "␣a⏎b⇥"
    assert token_label("") == "∅"
    assert token_label("\x1b\u202e") == "\\x1b\\u202e"
    assert clean("\x1b[1;31mred\x1b[0m\x1b]8;;http://x\x07link\rnext\x00") == "redlink\nnext"
    assert one_line("  a \n b ", 80) == "a ⏎ b"
    assert one_line("a" * 100, 10) == f"{'a' * 10}… (90 more characters)"
    assert clip("abcdef", 4) == "abc…"
    assert [probability(p) for p in (0.0, 0.1234, 0.00001, float("nan"))] == ["0.000", "0.123", "1e-05", "nan"]
