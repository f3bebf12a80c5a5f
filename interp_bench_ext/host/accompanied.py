"""An organism with other models beside it: rows of such an arm are run by a model, a tokenizer and a template of
their own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from interp_bench_ext.contracts import Access, Arm, Batch, Completion, Reading, Reads, Row
from interp_bench_ext.errors import AccessDenied
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism
from interp_bench_ext.results.model_info import ModelInfo

_NEEDED: dict[Arm, tuple[Access, str]] = {
    "reference": (Access.BASE, "the reference model"),
    "oracle": (Access.ACTIVATIONS, "the oracle"),
}
"""The access that asking each takes, and what it is called."""


class AccompaniedOrganism(LoadedOrganism):
    """Implements contracts.Organism, the arms ``reference`` and ``oracle`` included where there are such models."""

    def __init__(self, own: LoadedOrganism, beside: Mapping[Arm, LoadedOrganism]) -> None:
        self.__dict__.update(own.__dict__)
        self._beside = dict(beside)
        for model in beside.values():
            model.take_turns_with(own)

    @property
    def info(self) -> ModelInfo:
        """See contracts.Organism."""
        return replace(super().info, reference="reference" in self._beside, oracle="oracle" in self._beside)

    def serving(self, call: CallHooks) -> AccompaniedOrganism:
        """The same, as it works for ``call``; what the others are given are no samples of the organism."""
        view = copy.copy(self)
        view._call = call
        uncounted = replace(call, count=lambda more: call.count(more._replace(samples=0)))
        view._beside = {arm: model.serving(uncounted) for arm, model in self._beside.items()}
        return view

    def _asked(self, arm: Arm) -> LoadedOrganism | None:
        """The model beside it that is meant, if one is. Raises AccessDenied where the call may not ask that."""
        model = self._beside.get(arm)
        if model is None:
            return None
        needed, name = _NEEDED[arm]
        if not self._call.access.allows(needed):
            raise AccessDenied(
                f"{self._call.technique} asks {name}, which needs access to {needed}, and this organism's config "
                f"allows {self._call.access}."
            )
        return model

    def chat_ids(self, conversation: Any, *, arm: Arm = "organism", **how: Any) -> list[int]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.chat_ids(conversation, **how) if asked else super().chat_ids(conversation, arm=arm, **how)

    def split_thinking(self, text: str, *, arm: Arm = "organism", **how: Any) -> tuple[str, str]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.split_thinking(text, **how) if asked else super().split_thinking(text, **how)

    def text_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.text_ids(text) if asked else super().text_ids(text, arm=arm)

    def piece_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.piece_ids(text) if asked else super().piece_ids(text)

    def token_strings(self, ids: Sequence[int], *, arm: Arm = "organism") -> list[str]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.token_strings(ids) if asked else super().token_strings(ids)

    def generate(self, prompts: Sequence[Row], **how: Any) -> list[list[Completion]]:
        """See contracts.Organism."""
        if not any(row.arm in self._beside for row in prompts):
            return super().generate(prompts, **how)
        places: dict[Arm | None, list[int]] = {}
        for at, row in enumerate(prompts):
            places.setdefault(self._whose(row), []).append(at)
        found: dict[int, list[Completion]] = {}
        for arm, rows in places.items():
            asked = self._asked(arm) if arm else None
            given = [prompts[at] for at in rows]
            written = asked.generate([_own(row) for row in given], **how) if asked else super().generate(given, **how)
            found |= dict(zip(rows, written, strict=True))
        return [found[at] for at in range(len(prompts))]

    def run(self, rows: Sequence[Row], reads: Reads = Reads()) -> Iterator[Batch]:  # noqa: B008 - it is frozen
        """See contracts.Organism."""
        if not any(row.arm in self._beside for row in rows):
            return super().run(rows, reads)
        return self._run_apart(rows, reads)

    def _run_apart(self, rows: Sequence[Row], reads: Reads) -> Iterator[Batch]:
        for arm, group in groupby(range(len(rows)), lambda at: self._whose(rows[at])):
            at = list(group)
            asked = self._asked(arm) if arm else None
            here = replace(reads, grad_of=_from(reads.grad_of, at[0]))
            given = [rows[place] for place in at]
            batches = asked.run([_own(row) for row in given], here) if asked else super().run(given, here)
            for batch in batches:
                yield replace(batch, rows=range(batch.rows.start + at[0], batch.rows.stop + at[0]))

    def _whose(self, row: Row) -> Arm | None:
        """The model beside it that the row is for; None where it is the organism's or its base's."""
        return row.arm if row.arm in self._beside else None

    def unembed(self, hidden: Any, *, arm: Arm = "organism", scale_of: Any = None) -> Any:
        """See contracts.Organism."""
        asked = self._asked(arm)
        if asked:
            return asked.unembed(hidden, scale_of=scale_of)
        return super().unembed(hidden, arm=arm, scale_of=scale_of)

    def unembedding(self, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.unembedding() if asked else super().unembedding(arm=arm)

    def read(self, hidden: Any, *, arm: Arm = "organism", **how: Any) -> Reading:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.read(hidden, **how) if asked else super().read(hidden, arm=arm, **how)

    def weight_names(self, *, arm: Arm = "organism") -> dict[str, tuple[int, ...]]:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.weight_names() if asked else super().weight_names(arm=arm)

    def weight(self, name: str, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism."""
        asked = self._asked(arm)
        return asked.weight(name) if asked else super().weight(name, arm=arm)


def _own(row: Row) -> Row:
    """As the other model is given it, whose own arm it is."""
    return replace(row, arm="organism")


def _from(grad_of: Any, first: int) -> Any:
    return None if grad_of is None else lambda row, logits: grad_of(row + first, logits)
