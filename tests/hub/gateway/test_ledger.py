from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.hub.gateway.ledger import Charge, Ledger, OverBudget
from interp_bench_ext.hub.gateway.settings import Budget


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spent.sqlite"


def reserve(ledger: Ledger, tokens: int, *, user: str = "ada", budgets: tuple[tuple[str, Budget], ...] = ()) -> int:
    most = Charge(tokens=tokens, usd=tokens / 1000)
    return ledger.reserve(user, [f"user:{user}", "group:class"], model="m", most=most, budgets=budgets)


def test_a_request_counts_at_its_most_until_its_end_is_known(path: Path):
    ledger = Ledger(path)
    number = reserve(ledger, 1000)
    assert ledger.spent("user:ada", hours=1).tokens == 1000
    ledger.lower(number, Charge(tokens=300, usd=0.3))
    assert ledger.spent("group:class", hours=1).tokens == 300
    ledger.settle(number, Charge(tokens=120, usd=0.12))
    spent = ledger.spent("user:ada", hours=1)
    assert (spent.requests, spent.tokens, spent.usd) == (1, 120, 0.12)


def test_one_that_was_not_taken_leaves_nothing(path: Path):
    ledger = Ledger(path)
    ledger.forget(reserve(ledger, 1000))
    assert ledger.spent("user:ada", hours=1).requests == 0
    assert ledger.counts() == {}


def test_those_under_way_when_it_was_killed_stay_at_their_most(path: Path):
    ledger = Ledger(path)
    reserve(ledger, 1000)
    ledger.close()
    again = Ledger(path)
    assert again.spent("user:ada", hours=1).tokens == 1000
    assert again.counts() == {"cut": 1}


def test_a_budget_counts_what_is_under_way_and_what_others_of_the_group_spent(path: Path):
    ledger = Ledger(path)
    together = (("group:class", Budget(tokens=1000)),)
    reserve(ledger, 600, user="bob", budgets=together)
    with pytest.raises(OverBudget) as over:
        reserve(ledger, 401, budgets=together)
    assert (over.value.scope, over.value.spent.tokens) == ("group:class", 600)
    reserve(ledger, 400, budgets=together)


def test_a_budget_in_dollars(path: Path):
    ledger = Ledger(path)
    own = (("user:ada", Budget(usd=1.0)),)
    reserve(ledger, 900, budgets=own)
    with pytest.raises(OverBudget):
        reserve(ledger, 200, budgets=own)


def test_a_refused_request_leaves_nothing(path: Path):
    ledger = Ledger(path)
    with pytest.raises(OverBudget):
        reserve(ledger, 200, budgets=(("user:ada", Budget(tokens=100)),))
    assert ledger.counts() == {}


def test_only_its_owner_reads_the_file_and_those_beside_it(path: Path):
    ledger = Ledger(path)
    reserve(ledger, 10)
    files = list(path.parent.iterdir())
    assert len(files) == 3, "SQLite's log and its index lie beside it"
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="state: .* cannot be used"):
        Ledger(tmp_path / "nowhere" / "spent.sqlite")
