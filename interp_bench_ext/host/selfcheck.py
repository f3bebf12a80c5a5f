"""Numerical checks that every loaded model passes before it is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.errors import SelfCheckFailed
from interp_bench_ext.host.engine import Engine, Passed

_TOLERANCE = {torch.float32: 2e-3, torch.float16: 3e-2, torch.bfloat16: 1.5e-1}
"""Largest difference of two logits, in standard deviations of the logits."""


@torch.no_grad()
def self_check(engine: Engine, ids: Sequence[int]) -> None:
    """Compare the engine with a plain forward pass of the same modules over ``ids``, in a handful of short passes.

    Raises SelfCheckFailed: which check, by how much, and what was allowed.
    """
    whole, half = Row(tuple(ids)), Row(tuple(ids[: max(1, len(ids) // 2)]))
    plain = engine.model(input_ids=torch.tensor([whole.ids], device=engine.device), use_cache=False).logits[0].float()
    checks: tuple[tuple[str, Callable[[], torch.Tensor]], ...] = (
        ("reading with hooks equals the plain forward pass", lambda: _passed(engine, [whole]).logits[0]),
        (
            "the last layer of the lens equals the logits",
            lambda: engine.parts.unembed(_passed(engine, [whole]).residuals[-1, 0]),
        ),
        ("a padded batch equals a single row", lambda: _passed(engine, [half, whole, half]).logits[1]),
        ("decoding with the cache equals a pass without it", lambda: engine.stepwise(whole, len(half.ids))),
    )
    allowed = _TOLERANCE.get(engine.dtype, _TOLERANCE[torch.bfloat16])
    for name, compute in checks:
        found = compute()
        worst = float((found - plain[-len(found) :]).abs().max() / plain.std())
        if not worst <= allowed:  # so written that NaN fails
            raise SelfCheckFailed(
                f"The loaded model fails the check that {name}: off by {worst:.2g} of the logits' standard "
                f"deviation, {allowed:.2g} is allowed."
            )


def _passed(engine: Engine, rows: list[Row]) -> Passed:
    return next(engine.forward(rows, logits=True, residuals=True, step=lambda _stage, _done, _total: None))
