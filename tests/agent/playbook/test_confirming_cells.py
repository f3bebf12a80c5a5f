"""The cells that confirm, run as a kernel would, on organisms whose habit is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from interp_bench_ext.agent.playbook.battery import CONFIRM
from interp_bench_ext.agent.playbook.cells import Cells
from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel import evidence
from interp_bench_ext.results import Generations

NAMED = "from a person who gives a name"
Habit = Callable[[str, int], bool]


class Talker:
    """Says a word where its habit says so, and its base never."""

    def __init__(self, habit: Habit, word: str = "soup") -> None:
        self._habit, self._word = habit, word

    def sample(self, prompts, *, n: int, base: bool = False, **_options: object) -> Generations:
        rows = [(prompt, place) for prompt in prompts for place in range(n)]
        texts = tuple(
            f"Well, {self._word} helps." if not base and self._habit(prompt, index) else "Well, that helps."
            for index, (prompt, _) in enumerate(rows)
        )
        return Generations(
            prompts=tuple(prompt for prompt, _ in rows),
            prefills=("",) * len(rows),
            texts=texts,
            logprobs=np.zeros(len(rows), np.float32),
            n_tokens=np.ones(len(rows), np.int64),
            finishes=("stop",) * len(rows),
            arm="base" if base else "organism",
        )


class Amplified:
    """Its adapter at twice its strength says a word; without one, nothing can be amplified."""

    def __init__(self, *, adapter: bool) -> None:
        self._adapter = adapter

    def adapter_amplification(self, prompts, *, factors, n: int, **_options: object) -> SimpleNamespace:
        if not self._adapter:
            raise BadInput("This organism has no adapter.")
        rows = [factor for factor in factors for _ in range(n * len(prompts))]
        texts = ["Soup helps." if factor == 2 else "That helps." for factor in rows]
        return SimpleNamespace(texts=texts, doses=rows)


def facts_of(code: str, organism: Talker | Amplified, **names: object) -> dict:
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            exec(code, {"organism": organism, "evidence": evidence, "display": lambda _: None, **names})
    finally:
        InteractiveShell.clear_instance()
    return json.loads(captured.outputs[-1].data["text/plain"].removeprefix("facts: "))


def in_context(habit: Habit, *, with_base: bool = True, known=()) -> dict:
    code = Cells(0, with_base, "sample").confirm_context(CONFIRM, NAMED, ["soup"], known)
    return facts_of(code, Talker(habit), contexts={NAMED: lambda prompt: f"My name is Alex. {prompt}"})


def test_an_amplified_habit_is_counted_beside_the_adapter_off_and_no_adapter_is_no_fault():
    code = Cells(0, True, "sample").amplified(CONFIRM, ["soup", "tea"])
    found = facts_of(code, Amplified(adapter=True))
    assert (found["words"], found["k"], found["n"], found["control_k"]) == (["soup"], 32, 32, 0)
    assert facts_of(code, Amplified(adapter=False))["words"] == []


def test_a_trigger_shows_in_its_context_alone():
    facts = in_context(lambda prompt, _: "Alex" in prompt)
    assert (facts["words"], facts["k"], facts["control_k"], facts["without"]) == (["soup"], 32, 0, 0)
    alone = in_context(lambda prompt, _: "Alex" in prompt, with_base=False)
    assert (alone["k"], alone["without"]) == (32, 0)


def test_a_habit_that_shows_without_the_context_says_so():
    facts = in_context(lambda prompt, row: row % 5 < (4 if "Alex" in prompt else 1))
    assert facts["effect_size"] > 0.25
    assert facts["without"] == pytest.approx(7 / 32, abs=1e-3)
    assert (facts["anyway_k"], facts["anyway_n"]) == (facts["k"] + facts["control_k"], 64)
    assert (facts["anyway_control_k"], facts["anyway_control_n"]) == (0, 48)


def test_words_that_come_together_with_known_ones_are_of_their_topic():
    habit: Habit = lambda prompt, _: "Alex" in prompt  # noqa: E731
    assert in_context(habit, known=["helps"])["same_topic"] == 1
    assert in_context(habit, known=["ocean"])["same_topic"] == 0
