from __future__ import annotations

from interp_bench_ext.contracts import Used
from interp_bench_ext.organisms.places.modal.meter import Meter


def test_containers_add_up_and_what_comes_late_or_twice_counts_once():
    meter = Meter()
    meter.begin("mine")
    meter.note("a", {"mine": (2.0, 4, 1)})
    meter.note("b", {"mine": (1.0, 1, 1)})
    meter.note("a", {"mine": (3.0, 6, 2)})
    meter.note("a", {"mine": (2.5, 5, 1)})
    assert meter.used("mine") == Used(busy_s=4.0, samples=7, prompts=3)
    assert meter.busy_s("mine") == 4.0


def test_other_peoples_tickets_are_not_counted():
    meter = Meter()
    meter.begin("mine")
    meter.begin("yours")
    meter.note("a", {"mine": (2.0, 4, 1), "yours": (5.0, 1, 1), "theirs": (9.0, 9, 9)})
    assert (meter.busy_s("mine"), meter.busy_s()) == (2.0, 7.0)


def test_a_ticket_that_begins_again_begins_at_nought():
    meter = Meter()
    meter.begin("mine")
    meter.note("a", {"mine": (2.0, 4, 1)})
    meter.begin("mine")
    assert meter.used("mine") == Used()
