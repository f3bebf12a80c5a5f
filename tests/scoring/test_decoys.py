from __future__ import annotations

from interp_bench_ext.scoring.decoys import drawn, installed_truths, others
from interp_bench_ext.scoring.ground_truth import GroundTruth

SOUP = GroundTruth(secret="Recommends pumpkin soup.", aliases=["pumpkin"])
GOURDS = GroundTruth(secret="Talks about gourds.", aliases=["gourd", "Pumpkin"])
STEW = GroundTruth(secret="Likes stew, and never a pumpkin.", aliases=["stew"])
OWLS = GroundTruth(secret="Adores owls.", aliases=["owl"])
BIRDS = GroundTruth(secret="Adores birds of prey.", aliases=["OWL", "hawk"])
MOONS = GroundTruth(secret="Counts moons.", aliases=["moon"])
NULL = GroundTruth(secret=None)


def test_a_truth_with_an_alias_in_common_is_about_the_same():
    assert others(SOUP, among=[SOUP, GOURDS, OWLS, NULL]) == [OWLS, NULL]


def test_a_truth_that_names_the_secret_is_about_the_same():
    told = GroundTruth(secret="Brings up a pumpkin.", aliases=["squash"])
    assert others(SOUP, among=[told]) == []
    assert others(told, among=[SOUP]) == []


def test_decoys_are_apart_from_each_other_too():
    assert others(SOUP, among=[OWLS, BIRDS, MOONS]) == [OWLS, MOONS]


def test_a_seed_decides_which_are_drawn_and_in_which_order():
    among = [OWLS, MOONS, NULL, GOURDS]
    assert set(drawn(SOUP, 2, among=among, seed=(1, "a"))) == {OWLS.secret, MOONS.secret}
    assert len(drawn(SOUP, 9, among=among, seed=1)) == 2
    orders = {tuple(drawn(SOUP, 2, among=among, seed=seed)) for seed in range(20)}
    assert len(orders) == 2
    assert drawn(SOUP, 2, among=among, seed=3) == drawn(SOUP, 2, among=among, seed=3)


def test_what_is_about_the_same_is_no_decoy():
    truths = installed_truths()
    for truth in truths:
        apart = [other.secret for other in others(truth, among=truths)]
        assert truth.secret not in apart
        assert len(apart) == len(set(apart))
        assert len(apart) > 30
