"""Every technique's numbers in float32, against the independent computation of the same; the table has more types."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from . import CHECKS, Case, Check

_CASES: dict[str, Case] = {}


@pytest.mark.parametrize(
    "family", ["llama", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gpt2", "gemma2", "qwen2"))]
)
@pytest.mark.parametrize("each", CHECKS, ids=lambda check: check.technique.split(",")[0])
def test_numbers_are_those_of_plain_modules(
    each: Check, family: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder = model_folders[family]
    case = _CASES.setdefault(str(folder), Case(family, folder, adapter_folders[family], torch.float32))
    if not each.applies(case):
        pytest.skip("it writes conversations, and this tokenizer has no chat template")
    for found in each.deviations(case):
        assert found.held, found


def test_a_narrower_type_is_held_to_its_own_rounding(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    case = Case("llama", model_folders["llama"], adapter_folders["llama"], torch.bfloat16)
    found = [one for check in CHECKS if check.applies(case) for one in check.deviations(case)]
    assert all(one.held for one in found), [one for one in found if not one.held]
    assert {"activation_difference_lens", "logit_lens"} <= {one.technique for one in found}
