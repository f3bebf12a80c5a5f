from __future__ import annotations

import pytest
from pydantic import ValidationError

from interp_bench_ext.hub.people import GroupLimits, Person, group_scope, user_scope, who_has

ADA = Person(name="ada", groups=frozenset({"staff", "course"}))
BOB = Person(name="bob")
GROUPS = {
    "course": GroupLimits[int](each=(1,), together=(10, 20)),
    "staff": GroupLimits[int](each=(), together=(30,)),
}


def test_use_is_counted_under_a_person_and_all_their_groups():
    assert ADA.scopes == ["user:ada", "group:course", "group:staff"]
    assert BOB.scopes == ["user:bob"]


def test_the_first_group_says_what_a_person_may_have_and_every_group_what_members_have_together():
    assert ADA.limits((5,), GROUPS) == [
        ("user:ada", 1),
        ("group:course", 10),
        ("group:course", 20),
        ("group:staff", 30),
    ]
    assert BOB.limits((5,), GROUPS) == [("user:bob", 5)]


def test_an_empty_list_of_a_group_is_no_limit():
    carol = Person(name="carol", groups=frozenset({"staff"}))
    assert carol.limits((5,), GROUPS) == [("group:staff", 30)]


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError):
        GroupLimits[int].model_validate({"all": [1]})


def test_a_sentence_says_whose_use_it_is():
    assert who_has(user_scope("ada")) == "you have"
    assert who_has(group_scope("course")) == "course have"
