"""An organism with a reference model beside it: rows of that arm are run by a model, a tokenizer and a template of its
own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from interp_bench_ext.contracts import Access, Arm, Batch, Completion, Reading, Reads, Row
from interp_bench_ext.errors import AccessDenied
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism
from interp_bench_ext.results.model_info import ModelInfo


class ReferencedOrganism(LoadedOrganism):
    """Implements contracts.Organism, the arm ``reference`` included."""

    def __init__(self, own: LoadedOrganism, reference: LoadedOrganism) -> None:
        self.__dict__.update(own.__dict__)
        self._reference = reference
        reference.take_turns_with(own)

    @property
    def info(self) -> ModelInfo:
        """See contracts.Organism."""
        return replace(super().info, reference=True)

    def serving(self, call: CallHooks) -> ReferencedOrganism:
        """The same, as it works for ``call``; what the reference is given are no samples of the organism."""
        view = copy.copy(self)
        view._call = call
        view._reference = self._reference.serving(
            replace(call, count=lambda more: call.count(more._replace(samples=0)))
        )
        return view

    def _asked(self, arm: Arm) -> LoadedOrganism | None:
        """The reference, where it is meant. Raises AccessDenied where the call may not ask it."""
        if arm != "reference":
            return None
        if not self._call.access.allows(Access.BASE):
            raise AccessDenied(
                f"{self._call.technique} asks the reference model, which needs access to {Access.BASE}, and this "
                f"organism's config allows {self._call.access}."
            )
        return self._reference

    def chat_ids(self, conversation: Any, *, arm: Arm = "organism", **how: Any) -> list[int]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.chat_ids(conversation, **how) if reference else super().chat_ids(conversation, arm=arm, **how)

    def split_thinking(self, text: str, *, arm: Arm = "organism", **how: Any) -> tuple[str, str]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.split_thinking(text, **how) if reference else super().split_thinking(text, **how)

    def text_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.text_ids(text) if reference else super().text_ids(text, arm=arm)

    def piece_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.piece_ids(text) if reference else super().piece_ids(text)

    def token_strings(self, ids: Sequence[int], *, arm: Arm = "organism") -> list[str]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.token_strings(ids) if reference else super().token_strings(ids)

    def generate(self, prompts: Sequence[Row], **how: Any) -> list[list[Completion]]:
        """See contracts.Organism."""
        found: dict[int, list[Completion]] = {}
        for reference, rows in _by_model(prompts):
            asked = self._asked("reference") if reference else None
            given = [_own(prompts[at]) if reference else prompts[at] for at in rows]
            written = asked.generate(given, **how) if asked else super().generate(given, **how)
            found |= dict(zip(rows, written, strict=True))
        return [found[at] for at in range(len(prompts))] if prompts else super().generate(prompts, **how)

    def run(self, rows: Sequence[Row], reads: Reads = Reads()) -> Iterator[Batch]:  # noqa: B008 - it is frozen
        """See contracts.Organism."""
        if not any(row.arm == "reference" for row in rows):
            return super().run(rows, reads)
        return self._run_apart(rows, reads)

    def _run_apart(self, rows: Sequence[Row], reads: Reads) -> Iterator[Batch]:
        for reference, group in groupby(range(len(rows)), lambda at: rows[at].arm == "reference"):
            at = list(group)
            asked = self._asked("reference") if reference else None
            here = replace(reads, grad_of=_from(reads.grad_of, at[0]))
            if asked:
                batches = asked.run([_own(rows[place]) for place in at], here)
            else:
                batches = super().run([rows[place] for place in at], here)
            for batch in batches:
                yield replace(batch, rows=range(batch.rows.start + at[0], batch.rows.stop + at[0]))

    def unembed(self, hidden: Any, *, arm: Arm = "organism", scale_of: Any = None) -> Any:
        """See contracts.Organism."""
        reference = self._asked(arm)
        if reference:
            return reference.unembed(hidden, scale_of=scale_of)
        return super().unembed(hidden, arm=arm, scale_of=scale_of)

    def unembedding(self, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.unembedding() if reference else super().unembedding(arm=arm)

    def read(self, hidden: Any, *, arm: Arm = "organism", **how: Any) -> Reading:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.read(hidden, **how) if reference else super().read(hidden, arm=arm, **how)

    def weight_names(self, *, arm: Arm = "organism") -> dict[str, tuple[int, ...]]:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.weight_names() if reference else super().weight_names(arm=arm)

    def weight(self, name: str, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism."""
        reference = self._asked(arm)
        return reference.weight(name) if reference else super().weight(name, arm=arm)


def _own(row: Row) -> Row:
    """As the reference is given it, whose own arm it is."""
    return replace(row, arm="organism")


def _by_model(rows: Sequence[Row]) -> Iterator[tuple[bool, list[int]]]:
    for reference in (False, True):
        at = [place for place, row in enumerate(rows) if (row.arm == "reference") is reference]
        if at:
            yield reference, at


def _from(grad_of: Any, first: int) -> Any:
    return None if grad_of is None else lambda row, logits: grad_of(row + first, logits)
