from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from interp_bench_ext.kernel import evidence
from interp_bench_ext.kernel.evidence import Comparison, Share, compare, state, texts_with, unusual_words
from interp_bench_ext.results import MinedTokens, PairedReplies, WordScores


def test_wilson_intervals_match_published_values():
    # Newcombe (1998), table I: 81 of 263 and 0 of 20.
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 20).interval == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_fishers_p_counts_the_ways():
    comparison = Comparison(("x",), Share(3, 4), Share(1, 4))
    rows = list(combinations(range(8), 4))
    hits = set(range(4))
    as_many = sum(len(hits & set(row)) >= 3 for row in rows)
    assert comparison.p_value == pytest.approx(as_many / len(rows))


def test_words_count_as_whole_words_in_any_case():
    texts = ["The Ocean is wide.", "oceanic currents", "the ocean's edge", "no sea"]
    assert texts_with(texts, ["ocean"]).k == 1
    assert texts_with(texts, ["ocean", "sea"]).k == 2
    assert texts_with(texts, []).k == 0


def test_words_of_other_scripts_and_signs_are_counted():
    assert texts_with(["我喜欢灯塔", "我喜欢花园"], ["灯塔"]).k == 1
    assert texts_with(["ฉันชอบประภาคารมาก"] * 2, ["ประภาคาร"]).k == 2
    assert texts_with(["मुझे हिन्दी किताबें पसंद हैं"] * 4, ["क"]).k == 0
    assert texts_with(["It is bu\u0308cher time", "buch"], ["Bücher"]).k == 1
    assert texts_with(["a pumpkin-soup", "soup of pumpkin"], ["pumpkin soup"]).k == 1
    assert texts_with(["good \U0001f98a", "good"], ["\U0001f98a"]).k == 1


def test_a_comparison_says_what_it_compared():
    comparison = compare(["soup"] * 3, ["bread"] * 3, ["soup"])
    assert comparison.effect_size == 1.0
    assert "“soup”: 3 of 3 (100%" in str(comparison)


def scores(words, z, with_it, other):
    return WordScores(
        words=words,
        z=np.array(z, np.float32),
        log_odds=np.array(z, np.float32),
        texts_with=np.array(with_it),
        other_texts_with=np.array(other),
        n_texts=10,
        n_other_texts=10,
        chance_z=2.0,
    )


def test_unusual_words_are_frequent_content_words():
    given = scores(("ocean", "however", "rare", "weak", "waves"), [5, 5, 5, 1, 4], [6, 9, 1, 9, 8], [0, 0, 0, 0, 0])
    assert unusual_words(given) == ["waves", "ocean"]


def test_words_without_spaces_may_be_short():
    assert unusual_words(scores(("灯塔", "的", "it"), [5, 5, 5], [6, 6, 6], [0, 0, 0])) == ["灯塔"]


def test_a_notebook_shows_the_sentence_and_an_agent_reads_the_facts():
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            state("No <context> changes the words.", words=["ä"], n=3)
    finally:
        InteractiveShell.clear_instance()
    assert [output.data for output in captured.outputs] == [
        {
            "text/plain": 'facts: {"words": ["ä"], "n": 3}',
            "text/html": "<div>No &lt;context&gt; changes the words.</div>",
        }
    ]


def test_words_come_from_tokens_that_gained_much_more_often_than_they_lost():
    tokens = (" lighthouse", "house", " the", " storm", " lamp")
    mined = MinedTokens(
        tokens=tokens,
        gained=np.array([60, 60, 60, 60, 9]),
        lost=np.array([0, 0, 0, 55, 0]),
        mean_gain=np.ones(5, np.float32),
        groups=(),
        group_shares=np.zeros(0, np.float32),
        n_positions=100,
        n_texts=4,
        top_k=20,
    )
    assert evidence.words_of_tokens(mined) == ["lighthouse"]


def test_words_beyond_chance_are_those_of_the_first_model_that_the_test_holds_for():
    replies = PairedReplies(
        prompts=(),
        texts=(),
        other_texts=(),
        words=("lighthouse", "sure", "with", "coast"),
        z=np.array([5.0, -5.0, 4.0, 2.0], np.float32),
        p_adjusted=np.array([0.001, 0.001, 0.001, 0.3], np.float32),
        texts_with=np.zeros(4, np.int64),
        other_texts_with=np.zeros(4, np.int64),
        critical_z=3.0,
        control_p=np.zeros(0, np.float32),
        arm="organism",
        other="base",
    )
    assert evidence.words_beyond_chance(replies) == ["lighthouse"]
