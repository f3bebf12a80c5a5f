"""Generation over visible token ids: the decode loop is ours, each row's draws are its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.batches import generation_batches
from interp_bench_ext.host.devices import batch_bytes
from interp_bench_ext.host.load import Loaded
from interp_bench_ext.host.passes import Passes, Step
from interp_bench_ext.host.sampling import choose, draws


@dataclass(frozen=True)
class Drawn:
    """Ids (a stop token included) and their log-probabilities in nats, and whether the model stopped by itself."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    stopped: bool


@dataclass(frozen=True)
class Sampling:
    """How to draw; ``temperature`` 0 is greedy."""

    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass
class _Draft:
    """A continuation in the making: its uniforms ``[max_new_tokens]`` and how many tokens it may have."""

    row: Row
    uniforms: torch.Tensor
    limit: int
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False

    @property
    def grown(self) -> Row:
        return replace(self.row, ids=(*self.row.ids, *self.ids))

    @property
    def ended(self) -> bool:
        return self.stopped or len(self.ids) >= self.limit


class Engine(Passes):
    """Passes and generation."""

    def __init__(self, loaded: Loaded, stop_ids: frozenset[int]) -> None:
        super().__init__(loaded)
        self.stop_ids = stop_ids

    @torch.no_grad()
    def generate(self, rows: Sequence[Row], samples: Sequence[int], how: Sampling, step: Step) -> list[Drawn]:
        """One continuation per row; ``samples[i]`` tells apart continuations of the same row.

        Rows end at a stop token, at ``max_new_tokens``, or where the context is full. One that grows past the length
        at which rotary frequencies change begins anew there, as a longer prompt.
        """
        assert len(rows) == len(samples)
        drafts = [
            _Draft(
                row,
                torch.from_numpy(draws(row, sample, how.seed, how.max_new_tokens)),
                min(how.max_new_tokens, self.room - len(row.ids)),
            )
            for row, sample in zip(rows, samples, strict=True)
        ]
        going = drafts
        while going:
            self._round(going, how, step)
            going = [draft for draft in going if not draft.ended]
        return [Drawn(tuple(draft.ids), tuple(draft.logprobs), draft.stopped) for draft in drafts]

    def _round(self, drafts: Sequence[_Draft], how: Sampling, step: Step) -> None:
        rows = [draft.grown for draft in drafts]
        columns = self.prefix_length + max(len(row.ids) for row in rows) + how.max_new_tokens
        # Padding would move tokens apart inside a window, or past the last column that the model has.
        equal = columns > min(self.parts.context_length, self.parts.window or columns)
        batches = generation_batches(
            [len(row.ids) for row in rows],
            self.kinds(rows, equal=equal),
            how.max_new_tokens + self.prefix_length,
            self.sizes,
            batch_bytes(self.devices),
        )
        total = len(batches) * how.max_new_tokens
        for number, batch in enumerate(batches):
            start = number * how.max_new_tokens

            def report(done: int, start: int = start) -> None:
                step("generate", start + done, total)

            self._generate_batch([drafts[index] for index in batch], how, report)
        step("generate", total, total)

    def _generate_batch(self, drafts: Sequence[_Draft], how: Sampling, report: Callable[[int], None]) -> None:
        report(0)
        rows = [draft.grown for draft in drafts]
        live = list(zip(drafts, [self._until_switch(row) for row in rows], strict=True))
        uniforms = torch.stack([draft.uniforms for draft in drafts]).to(self.device)
        places = list(range(len(drafts)))
        state, logits = self.prefill(rows)
        for done in range(how.max_new_tokens):
            counts = [len(draft.ids) for draft, _ in live]
            tokens, logs = choose(logits, how.temperature, how.top_p, uniforms[places, counts])
            for (draft, _), token, logprob in zip(live, tokens.tolist(), logs.tolist(), strict=True):
                draft.ids.append(token)
                draft.logprobs.append(logprob)
                draft.stopped = token in self.stop_ids
            report(done + 1)
            going = [i for i, (draft, most) in enumerate(live) if not draft.ended and done + 1 < most]
            if not going:
                break
            if len(going) < len(live):
                state.keep(going)
                tokens, live, places = tokens[going], [live[i] for i in going], [places[i] for i in going]
            logits = self.decode(state, tokens)

    def _until_switch(self, row: Row) -> int:
        """Tokens that may follow ``row`` until its next pass is a long one."""
        switch = self.parts.rope_switch
        if switch is None or self.is_long(row):
            return self.parts.context_length
        return switch + 1 - self.offset(row.arm) - len(row.ids)
