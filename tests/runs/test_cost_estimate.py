"""What a run on Modal may cost is confirmed by a person before it starts."""

from __future__ import annotations

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.errors import BadInput, Unconfirmed
from interp_bench_ext.installed import find_config
from interp_bench_ext.runs.cost_estimate import check_little, spending


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Two GPUs for up to two hours, for somebody who is known to Modal."""
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-test")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-test")
    return load_config(find_config("auditbench_llama_01"))


@pytest.mark.parametrize(("minutes", "cost"), [(120.0, r"at most \$1"), (None, "without a limit")])
def test_a_run_that_may_cost_much_must_be_confirmed(large: Experiment, minutes: float | None, cost: str) -> None:
    agent = large.public.agent.model_copy(update={"max_minutes": minutes})
    over = r"more than model\.modal\.confirm_above_usd \(\$10\.00\)\."
    with pytest.raises(Unconfirmed, match=rf"A100-80GB:2: .*{cost}.*\. That is {over}"):
        check_little(large, agent)


def test_a_short_one_and_one_of_this_machine_need_not_be(large: Experiment) -> None:
    check_little(large, large.public.agent.model_copy(update={"max_minutes": 30}))
    local = load_config(find_config("amber"))
    check_little(local, local.public.agent.model_copy(update={"max_minutes": None}))
    assert spending([local]) is None
    both = spending([large, local, large])
    assert both is not None
    assert both.said.startswith(r"at most $2")


def test_what_must_be_done_first_is_said_before_what_it_costs(large: Experiment, monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("MODAL_TOKEN_ID")
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "none.toml"))
    with pytest.raises(BadInput, match="Modal has no token"):
        check_little(large, large.public.agent)
