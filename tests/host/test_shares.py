from __future__ import annotations

from interp_bench_ext.host.shares import Payer, Shares

ALICE, BOB, STAFF = Payer("alice"), Payer("bob"), Payer("staff", 3.0)


def test_whoever_was_away_has_saved_up_nothing() -> None:
    shares = Shares()
    shares.enter(BOB)
    shares.enter(BOB)
    shares.charge(BOB, 100)
    shares.enter(ALICE)
    assert shares.least(["alice"]) == shares.least(["bob"]) == 100
    shares.charge(ALICE, 1)
    assert shares.least(["alice", "bob"]) == 100
    assert shares.least(["alice"]) == 101


def test_weights_are_shares_and_nobody_is_charged_who_has_no_call() -> None:
    shares = Shares()
    shares.enter(STAFF)
    shares.charge(STAFF, 3)
    shares.charge(ALICE, 3)
    assert shares.least(["staff"]) == 1
    assert shares.least(["alice"]) == 0
