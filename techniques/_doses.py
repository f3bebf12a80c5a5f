"""What techniques share that do something to the model at several strengths and read its replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from interp_bench_ext.results import DoseResponse
from interp_bench_ext.word_breaks import runs
from interp_bench_ext.word_breaks import words as words_of


def share_effect(words: Sequence[str]) -> str:
    """How the effect is called when it is whether a text has one of ``words``."""
    if not words:
        return "distinct words per word"
    return f"texts with {' or '.join(words)}"


def effect_of(text: str, words: Sequence[str]) -> float:
    """Whether ``text`` has one of ``words`` (1 or 0); without words, how varied it is."""
    found = words_of(text)
    if not words:
        return len(set(found)) / len(found) if found else 0.0
    return float(any(any(runs(found, words_of(word))) for word in words))


@dataclass
class Doses:
    """A dose-response while it fills."""

    dose: str
    words: Sequence[str]
    arm: str
    control: str = ""
    note: str = ""
    _rows: list[tuple[str, str, str, float, float, float]] = field(default_factory=list)

    def add(self, prompt: str, text: str, *, arm: str, dose: float, fluency: float) -> None:
        """One reply; ``fluency`` is its mean log-probability a token under the model as it is."""
        self._rows.append((prompt, text, arm, dose, effect_of(text, self.words), fluency))

    def result(self) -> DoseResponse:
        columns = list(zip(*self._rows, strict=True)) or [()] * 6
        prompts, texts, arms, doses, effects, fluency = columns
        return DoseResponse(
            dose=self.dose,
            effect=share_effect(self.words),
            prompts=prompts,
            texts=texts,
            arms=arms,
            doses=np.array(doses, dtype=np.float32),
            effects=np.array(effects, dtype=np.float32),
            fluency=np.array(fluency, dtype=np.float32),
            arm=self.arm,
            control=self.control,
            note=self.note,
        )
