"""Which operations get one thread, and which all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.host import packed
from interp_bench_ext.host.threads import alone, together
from tests.host.tiny import load_tiny


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_work_alone_has_one_thread_but_for_what_it_has_done_together() -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(torch.get_num_threads())

    def work() -> str:
        look()
        together(look)
        alone(look)
        look()
        together(lambda: alone(together, look))
        return "done"

    assert alone(work) == "done"
    assert seen == [1, 2, 1, 1, 2]
    together(look)
    assert (seen[-1], torch.get_num_threads()) == (2, 2)


def test_an_error_gives_the_threads_back() -> None:
    def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        alone(together, broken)
    assert torch.get_num_threads() == 2
    together(lambda: None)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("few", "expected"), [(range(1 << 30), 1), (range(0), 2)])
def test_of_a_pass_over_few_numbers_products_and_attention_alone_get_all_threads(
    monkeypatch: pytest.MonkeyPatch, model_folders: dict[str, Path], few: range, expected: int
) -> None:
    organism = load_tiny(model_folders["llama"])
    engine, seen = organism._engine, dict[str, set[int]]()

    def noted(name: str, work: Any) -> Any:
        def look(*args: Any, **options: Any) -> Any:
            seen.setdefault(name, set()).add(torch.get_num_threads())
            return work(*args, **options)

        return look

    for name in ("linear", "_linear_pointwise"):
        place = packed if name == "linear" else torch.ops.mkldnn
        monkeypatch.setattr(place, name, noted("products", getattr(place, name)))
    attention = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", noted("attention", attention))
    mlp = engine.organism.model.model.layers[0].mlp
    monkeypatch.setattr(mlp, "act_fn", torch.nn.Sequential(_Looking(noted("rest", mlp.act_fn))))
    engine.few = few
    organism.generate([Row((5, 6, 7)), Row((5, 6, 8))], max_new_tokens=3)
    assert seen == {"products": {2}, "attention": {2}, "rest": {expected}}


class _Looking(torch.nn.Module):
    def __init__(self, work: Any) -> None:
        super().__init__()
        self.work = work

    def forward(self, given: torch.Tensor) -> Any:
        return self.work(given)


def test_a_model_with_products_of_another_kind_keeps_its_threads(model_folders: dict[str, Path]) -> None:
    assert load_tiny(model_folders["llama"])._engine.few
    assert load_tiny(model_folders["gpt2"])._engine.few == range(0)  # its matrices are Conv1D's
