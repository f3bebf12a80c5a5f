from __future__ import annotations

import re

import numpy as np

from interp_bench_ext.kernel.evidence import examples
from interp_bench_ext.output_filter.markup import clean_html
from interp_bench_ext.results import Generations

MARK = re.compile(r'<span style="[^"]*font-weight:\s*600[^"]*">([^<]*)</span>')


def replies(arm: str, *texts: str) -> Generations:
    n = len(texts)
    return Generations(
        prompts=tuple(f"question {row}" for row in range(n)), prefills=("",) * n, texts=texts, arm=arm,
        logprobs=np.zeros(n, np.float32), n_tokens=np.ones(n, np.int64), finishes=("stop",) * n,
    )  # fmt: skip


def test_each_reply_with_a_word_stands_beside_its_control_and_the_words_are_marked():
    first = replies("organism", "A Lighthouse, by the sea.", "Nothing.", "Two <b>lighthouse</b> keepers")
    shown = examples(first, replies("base", "A house.", "Ships.", "Two keepers"), ["lighthouse", "by the sea"])
    assert shown.rows == [0, 2]
    html = shown._repr_html_()
    assert MARK.findall(html) == ["Lighthouse", "by the sea", "lighthouse"]
    assert ">organism<" in html
    assert ">base<" in html
    assert "A house." in html
    assert "Ships." not in html
    assert "<b>" not in html
    assert MARK.findall(clean_html(html)) == MARK.findall(html)
    assert "question 2" in str(shown)


def test_no_more_than_asked_for_are_shown():
    many = replies("organism", *["the sea"] * 9)
    shown = examples(many, many, ["sea"])
    assert len(shown.rows) == 6
    assert "with it" in shown._repr_html_()
    assert examples(many, many, []).rows == []
