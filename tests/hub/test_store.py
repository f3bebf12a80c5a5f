from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.contracts import Access, Used
from interp_bench_ext.errors import AccessEnded, BadInput, ConfigError
from interp_bench_ext.hub.classrooms import Classrooms
from interp_bench_ext.hub.people import Person
from interp_bench_ext.hub.quotas import Quotas
from interp_bench_ext.hub.settings import Group, Quota, Settings, load_settings
from interp_bench_ext.hub.store import Store, TicketRow

ROW = TicketRow(
    id="t1",
    digest="0" * 64,
    user="alice",
    groups=frozenset({"students"}),
    organism="quartz",
    caller="run",
    access=Access.LOGITS,
    quota_s=5.0,
    deadline=1e12,
)


def test_tickets_and_usage_are_there_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.add(ROW)
    with pytest.raises(BadInput, match="used before"):
        store.add(ROW)
    store.note("t1", "quartz", ["user:alice", "group:students"], Used(1.5, 4, 2, 100), calls=1)
    store.note("t1", "quartz", ["user:alice", "group:students"], Used(0.5, 1, 1, 20))
    key = store.key()
    store.close()
    store = Store(tmp_path / "s")
    (row,) = store.tickets()
    assert (row.used, row.groups, row.access) == (Used(2.0, 5, 3, 120), ROW.groups, Access.LOGITS)
    assert store.key() == key
    assert store.groups() == {"alice": ROW.groups}
    for scope in ("user:alice", "group:students"):
        usage = store.usage(scope, hours=1)
        assert (usage.calls, usage.samples, usage.prompts, usage.tokens, usage.busy_s) == (1, 5, 3, 120, 2.0)
    assert store.usage("user:bob", hours=1).calls == 0


def test_what_is_longer_ago_than_the_window_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "s")
    at = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: at)
    store.note("t", "quartz", ["user:a"], Used(3.0, 1, 1), calls=1)
    at += 3600 * 2
    store.note("t", "quartz", ["user:a"], Used(1.0, 1, 1), calls=1)
    assert store.usage("user:a", hours=1).busy_s == 1.0
    assert store.usage("user:a", hours=3).busy_s == 4.0
    assert store.scopes(hours=3) == ["user:a"]


def test_a_groups_own_quotas_take_the_place_of_the_general_ones(tmp_path: Path) -> None:
    settings = Settings(
        organisms=("quartz",),
        each=(Quota(calls=1),),
        groups={"staff": Group(each=()), "students": Group(together=(Quota(busy_minutes=1),))},
    )
    store = Store(tmp_path / "s")
    quotas = Quotas(settings, store, Classrooms(settings, store))
    people = [Person(name=name, groups=frozenset({group})) for name, group in (("s", "staff"), ("a", "students"))]
    for person in people:
        store.note("t", "quartz", person.scopes, Used(45.0, 1, 1), calls=2)
    quotas.check(people[0], "quartz")
    assert quotas.busy_left_s(people[0], "quartz") is None
    with pytest.raises(AccessEnded, match="you have had 1 calls"):
        quotas.check(people[1], "quartz")
    other = Person(name="b", groups=frozenset({"students"}))
    assert quotas.busy_left_s(other, "quartz") == pytest.approx(15.0)
    store.note("t", "quartz", other.scopes, Used(20.0, 1, 1))
    with pytest.raises(AccessEnded, match="students have had 1 minutes of work"):
        quotas.check(other, "quartz")


def test_tokens_that_were_read_and_written_are_a_quota_too(tmp_path: Path) -> None:
    settings = Settings(organisms=("quartz",), each=(Quota(tokens=1000),))
    store = Store(tmp_path / "s")
    quotas, person = Quotas(settings, store, Classrooms(settings, store)), Person(name="a", groups=frozenset())
    store.note("t", "quartz", person.scopes, Used(1.0, 1, 1, 999))
    quotas.check(person, "quartz")
    store.note("t", "quartz", person.scopes, Used(tokens=1))
    with pytest.raises(AccessEnded, match="you have had 1,000 tokens"):
        quotas.check(person, "quartz")


def test_a_mistake_in_the_settings_is_a_sentence_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("organisms: [amber]\neach: [{hours: 24, busy_minuts: 3}]\n")
    with pytest.raises(ConfigError, match=r"service.yaml:2:20: unknown key `each.0.busy_minuts`.*busy_minutes"):
        load_settings(file)
