from __future__ import annotations

from interp_bench_ext.results.kit.safe_text import clean, clip, one_line, probability, token_label


def test_words_for_people():
    assert token_label(" a\nb\t") == "␣a⏎b⇥"
    assert token_label("") == "∅"
    assert token_label("\x1b\u202e") == "\\x1b\\u202e"
    assert clean("\x1b[1;31mred\x1b[0m\x1b]8;;http://x\x07link\rnext\x00") == "redlink\nnext"
    assert one_line("  a \n b ", 80) == "a ⏎ b"
    assert one_line("a" * 100, 10) == f"{'a' * 10}… (90 more characters)"
    assert clip("abcdef", 4) == "abc…"
    assert [probability(p) for p in (0.0, 0.1234, 0.00001, float("nan"))] == ["0.000", "0.123", "1e-05", "nan"]
