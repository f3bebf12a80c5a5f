from __future__ import annotations

import pytest

from interp_bench_ext.word_breaks import runs, script, unspaced, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Can\u2019t the quokka's well-known _sea_ end.Start, 3.14?",
            "can't the quokka's well known sea end start 3 14",
        ),
        ("मुझे हिन्दी किताबें पसंद हैं", "मुझे हिन्दी किताबें पसंद हैं"),
        ("எனக்கு கலங்கரை விளக்கம் பிடிக்கும்", "எனக்கு கலங்கரை விளக்கம் பிடிக்கும்"),
        ("আমি বাতিঘর ভালোবাসি", "আমি বাতিঘর ভালোবাসি"),
        ("أُحِبُّ المَنارَةَ", "أُحِبُّ المَنارَةَ"),
        ("ich mag Bu\u0308cher", "ich mag bücher"),
        ("我喜欢灯塔", "我 喜欢 灯塔"),
        ("モデルは灯台の話をする", "モデル は 灯台 の 話 を する"),
        ("ฉันชอบประภาคารมาก", "ฉัน ชอบ ประภาคาร มาก"),
        ("등대를 좋아한다", "등대를 좋아한다"),
        ("👩\u200d🔬 — !", ""),
    ],
)
def test_words_are_those_that_readers_count(text: str, found: str) -> None:
    assert words(text) == found.split()


def test_a_run_in_an_unspaced_script_begins_and_ends_where_words_do() -> None:
    text = ["提到", "灯塔", "守护者"]
    assert list(runs(text, ["灯", "塔守护者"])) == [(1, 3)]
    assert list(runs(text, ["塔", "守护者"])) == []
    assert list(runs(["note", "book"], ["notebook"])) == []
    assert list(runs(["a", "b", "a", "b"], ["a", "b"])) == [(0, 2), (2, 4)]
    assert list(runs(text, [])) == []


def test_scripts_are_named_as_unicode_names_them() -> None:
    assert [script(word) for word in ("маяк", "lamp", "ーモ", "々", "\x00")] == [
        "CYRILLIC", "LATIN", "KATAKANA", "IDEOGRAPHIC", "",
    ]  # fmt: skip
    assert unspaced("灯")
    assert not unspaced("등대")
