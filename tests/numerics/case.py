"""An organism, the same weights in plain Hugging Face modules, and how far a technique's numbers lie from theirs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from tests.host.reference_hooks import blocks_of
from tests.techniques.support import technique

Numbers = Mapping[str, Any]
"""What is compared, by its name and unit."""
ROUNDINGS, DEVIATIONS = 12, 3
"""Results of a block that are rounded on their way to the stream (norms, projections, rotation, attention, activation,
their product, sums), and how many standard deviations of their sum a number may be off."""


@dataclass(frozen=True)
class Plain:
    """One arm in Hugging Face's modules, with no hook of the package."""

    model: Any

    @torch.no_grad()
    def logits(self, ids: list[int]) -> torch.Tensor:
        """``[T, vocabulary]`` float32."""
        return self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()

    @torch.no_grad()
    def streams(self, ids: list[int]) -> torch.Tensor:
        """``[L + 1, T, width]``: before the first block and after each; the last one before the final norm."""
        last: list[torch.Tensor] = []
        handle = blocks_of(self.model)[-1].register_forward_hook(
            lambda _module, _args, out: last.append(out[0] if isinstance(out, tuple) else out)
        )
        try:
            given = self.model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)
        finally:
            handle.remove()
        return torch.cat([*given.hidden_states[:-1], *last])

    @property
    def norm(self) -> Any:
        decoder = self.model.get_decoder()
        return getattr(decoder, "norm", None) or decoder.ln_f

    @torch.no_grad()
    def lens(self, stream: torch.Tensor) -> torch.Tensor:
        """``[..., vocabulary]`` float32 logits of ``[..., width]``."""
        logits = self.model.get_output_embeddings()(self.norm(stream))
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        return (torch.tanh(logits / cap) * cap if cap else logits).float()


@dataclass(frozen=True)
class Arms:
    """The organism's two arms, as plain modules."""

    organism: Plain
    base: Plain

    def of(self, arm: Arm | str) -> Plain:
        return self.base if arm == "base" else self.organism

    @classmethod
    def load(cls, folder: Path, adapter: Path, dtype: torch.dtype, *, exact: bool) -> Arms:
        """With ``exact`` the numbers of that type, computed with in float32."""
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        def model() -> Any:
            return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = PeftModel.from_pretrained(model(), adapter, autocast_adapter_dtype=False).to(dtype).eval()
        models = adapted.get_base_model(), model()
        return cls(*(Plain(each.float() if exact else each) for each in models))


@dataclass
class Case:
    """Weights in one type."""

    name: str
    folder: Path
    adapter: Path
    dtype: torch.dtype

    @cached_property
    def organism(self) -> LoadedOrganism:
        return self._loaded()

    @cached_property
    def with_oracle(self) -> LoadedOrganism:
        """The same, with its own adapter as the oracle: any adapter of the base will do."""
        return self._loaded(oracle=str(self.adapter))

    def _loaded(self, **more: Any) -> LoadedOrganism:
        spec = OrganismSpec(
            name=str(self.adapter),
            is_peft=True,
            device="cpu",
            dtype=str(self.dtype).removeprefix("torch."),
            base_model=str(self.folder),
            **more,
        )
        organism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
        return organism.serving(CallHooks("this technique", lambda *_: None, Access.BASE, lambda *_: None))

    @cached_property
    def exact(self) -> Arms:
        """The reference: the same weights in float32."""
        return Arms.load(self.folder, self.adapter, self.dtype, exact=True)

    @cached_property
    def plain(self) -> Arms:
        """The same weights in the organism's own type."""
        return self.exact if self.whole else Arms.load(self.folder, self.adapter, self.dtype, exact=False)

    @property
    def whole(self) -> bool:
        """Whether it computes in float32."""
        return self.dtype is torch.float32

    @property
    def rounding(self) -> float:
        """Relative error that a pass in this type has: half its epsilon for each rounded result, which are independent.

        So they add up as the square root of their number (Higham 2002, section 2.8).
        """
        n = ROUNDINGS * self.organism.info.n_layers
        return torch.finfo(self.dtype).eps / 2 * math.sqrt(n)

    @property
    def small(self) -> bool:
        """Whether a reference may take a pass for each number."""
        return self.exact.base.model.config.hidden_size <= 64

    @property
    def layers(self) -> list[int]:
        """The first, a middle one and the last but one."""
        n = self.organism.info.n_layers
        return sorted({0, n // 2, n - 2})

    def run(self, name: str, **arguments: Any) -> Any:
        """What the technique gives."""
        return technique(name)(self.organism, **arguments)


@dataclass(frozen=True)
class Compared:
    """A technique's numbers, and the independent computation of the same."""

    ours: Numbers
    reference: Callable[[Arms], Numbers]
    sizes: Callable[[Arms], Numbers] = lambda _arms: {}
    """Of numbers made of terms larger than themselves: what their rounding is relative to, see :func:`combined`."""


@dataclass(frozen=True)
class Check:
    """How one technique is compared, and how far its numbers may lie from the reference in float32."""

    technique: str
    limit: float
    compare: Callable[[Case], Compared]
    chat: bool = False
    """Whether it writes conversations, and so needs a chat template."""
    whole: bool = False
    """Whether the comparison is of counts or texts, which rounding changes altogether."""
    small: bool = False
    """Whether the reference takes too long on a real model."""

    def applies(self, case: Case) -> bool:
        return (
            (case.organism.info.chat_template or not self.chat)
            and (case.whole or not self.whole)
            and (case.small or not self.small)
        )

    def deviations(self, case: Case) -> list[Deviation]:
        """One for each of the numbers."""
        compared = self.compare(case)
        exact = compared.reference(case.exact)
        rounded = exact if case.whole else compared.reference(case.plain)
        sizes = {} if case.whole else compared.sizes(case.exact)
        return [
            Deviation(
                self.technique,
                quantity,
                case.name,
                str(case.dtype).removeprefix("torch."),
                _largest(ours, exact[quantity]),
                _largest(rounded[quantity], exact[quantity]),
                self.limit,
                case.rounding * max(1.0, _size(exact[quantity]), _size(sizes.get(quantity, 0.0))),
            )
            for quantity, ours in compared.ours.items()
        ]


CHECKS: list[Check] = []


def check(name: str, limit: float, **needs: bool) -> Callable[[Callable[[Case], Compared]], Callable[[Case], Compared]]:
    """The function compares this technique."""

    def registered(compare: Callable[[Case], Compared]) -> Callable[[Case], Compared]:
        CHECKS.append(Check(name, limit, compare, **needs))
        return compare

    return registered


@dataclass(frozen=True)
class Deviation:
    """The largest, of one of a technique's numbers."""

    technique: str
    quantity: str
    case: str
    dtype: str
    ours: float
    plain: float
    """Of Hugging Face's modules in the same type: what rounding alone makes of it."""
    limit: float
    rounding: float
    """What the type's rounding makes of a number as large as the largest of these, or as what it is a sum of, by the
    type's epsilon and the depth."""

    @property
    def most(self) -> float:
        """In a narrower type, what its epsilon and the depth allow beyond the limit of float32."""
        return self.limit if self.dtype == "float32" else self.limit + DEVIATIONS * self.rounding

    @property
    def held(self) -> bool:
        return self.ours <= self.most


def _largest(one: Any, other: Any) -> float:
    first, second = _numbers(one), _numbers(other)
    assert first.shape == second.shape, (first.shape, second.shape)
    assert first.size
    return float(np.abs(first - second).max())


def _size(given: Any) -> float:
    return float(np.abs(_numbers(given)).max())


def combined(terms: Any, passes: int = 1) -> float:
    """What rounding is relative to, of a number that is the sum of terms ``[..., n]``: of the largest of them, if many.

    Each term t has a relative error e of its own, independent of the others', and so the sum has one of
    ``e x sqrt(sum of t squared)``, however much of the terms cancels (Higham 2002, section 2.8). Where a term is what
    ``passes`` of the model give one after another, its own is ``sqrt(passes)`` times one's.
    """
    squares: torch.Tensor = torch.as_tensor(terms).detach().double().square().sum(-1)
    return float((passes * squares).sqrt().max())


def _numbers(given: Any) -> Any:
    return np.asarray(torch.as_tensor(given).detach().double())
