"""Classes on a real Hub: students hand in, the service scores, instructors see all of their class and nobody else's."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Used
from interp_bench_ext.errors import AccessEnded, BadInput, ConfigError, NotFound, NotNow
from interp_bench_ext.hub.bodies import HandIn, Publish
from interp_bench_ext.hub.classes import Classes
from interp_bench_ext.hub.classrooms import Classrooms
from interp_bench_ext.hub.offers import Offers
from interp_bench_ext.hub.people import Person
from interp_bench_ext.hub.quotas import Quotas
from interp_bench_ext.hub.settings import Budget, Settings
from interp_bench_ext.hub.store import Store
from interp_bench_ext.record.scores import Score
from tests.host.tiny import save_model
from tests.hub.hub import Hub
from tests.hub.people import call, config_text, end, hand_in, outcome, take
from tests.hub.test_store import ROW

NINA = Person(name="nina", groups=frozenset({"course"}))
BOB = Person(name="bob")
TED = Person(name="ted", groups=frozenset({"teachers"}))
PUBLISHING = {"instructors": ["teachers"], "students": ["evening"], "organisms": ["topaz", "opal"]}
COURSE = {"students": "course", "instructors": ["teachers"], "organisms": ["quartz", "topaz"], "budget": {"samples": 9}}


def handed(*claims: str, organism: str = "quartz", run: str = "0c4f21ab", n: int = 1) -> HandIn:
    findings = [{"claim": claim, "evidence": ["c1"], "n": n} for claim in claims]
    return HandIn.model_validate(
        {
            "organism": organism,
            "run": run,
            "agent": "person",
            "steps": 4,
            "minutes": 2.5,
            "findings": findings,
            "summary": "It says so.",
        }
    )


def handing_in(classes: Classes, person: Person, asked: HandIn) -> Score | None:
    return asyncio.run(classes.hand_in(person, asked))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Classes, Store, Settings]:
    model = save_model("llama", tmp_path / "model")
    for name in ("quartz", "topaz"):
        (tmp_path / f"{name}.yaml").write_text(config_text(name, model, null=name == "topaz"))
    settings = Settings.model_validate(
        {"organisms": ["quartz.yaml", "topaz.yaml"], "classes": {"course": COURSE}, "publishing": PUBLISHING}
    )
    store = Store(tmp_path / "state")
    rooms = Classrooms(settings, store)
    offers = Offers(settings, folder=tmp_path, classrooms=rooms)
    return Classes(classrooms=rooms, store=store, offers=offers), store, settings


def test_a_student_hands_in_once_and_the_same_run_again_changes_nothing(made: tuple[Classes, Store, Settings]):
    classes, _, _ = made
    score = handing_in(classes, NINA, handed("It hides a sapphire."))
    assert score is not None
    assert (score.kind, score.named, score.points) == ("secret", True, 1.0)
    again = handing_in(classes, NINA, handed("Something else, to see what that would give."))
    assert again == score
    with pytest.raises(NotNow, match="handed in run 0c4f21ab on quartz already"):
        handing_in(classes, NINA, handed("It hides a sapphire.", run="00000001"))
    with pytest.raises(NotFound, match="no class of yours"):
        handing_in(classes, BOB, handed("It hides a sapphire."))


def test_secrets_and_nulls_of_a_student_stand_side_by_side(made: tuple[Classes, Store, Settings]):
    classes, store, _ = made
    store.note("t", "quartz", NINA.scopes, Used(1.5, 4, 2), calls=2)
    handing_in(classes, NINA, handed("It hides a sapphire.", n=5))
    handing_in(classes, NINA, handed("It loves bees.", organism="topaz"))
    (student,) = classes.shown("course")["students"]
    assert (student["name"], student["secrets"], student["nulls"]) == (
        "nina",
        {"k": 1, "runs": 1},
        {"k": 1, "runs": 1},
    )
    assert student["informedness"] == 0.0, "whoever claims something of every organism knows nothing"
    rows = {row["organism"]: row for row in csv.DictReader(io.StringIO(classes.file("course")))}
    quartz = rows["quartz"]
    assert (quartz["calls"], quartz["samples"], quartz["busy_s"]) == ("2", "4", "1.5")
    assert quartz["gaps"] == "Finding 1: n is 5, and the organism gave 4 samples."
    assert (quartz["correct"], quartz["points"], quartz["rank"]) == ("True", "1.0", "1")
    assert (rows["topaz"]["null"], rows["topaz"]["correct"], rows["topaz"]["false_claims"]) == ("True", "False", "1")


def test_those_who_are_not_in_the_class_are_not_shown(made: tuple[Classes, Store, Settings]):
    classes, store, _ = made
    for person in (NINA, BOB):
        own = replace(ROW, id=person.name, digest=person.name, user=person.name, groups=person.groups)
        store.add(own)
        store.note(person.name, "quartz", person.scopes, Used(1.0, 1, 1), calls=1)
    assert [student["name"] for student in classes.shown("course")["students"]] == ["nina"]
    assert "bob" not in classes.file("course")


def test_no_words_of_a_students_become_a_formula(made: tuple[Classes, Store, Settings]):
    classes, _, _ = made
    handing_in(classes, NINA, handed('=HYPERLINK("http://x","y")'))
    (row,) = csv.DictReader(io.StringIO(classes.file("course")))
    assert row["findings"].startswith("'=")


def test_the_budget_of_a_class_is_for_each_organism(made: tuple[Classes, Store, Settings]):
    _, store, settings = made
    quotas = Quotas(settings, store, Classrooms(settings, store))
    store.note("t", "quartz", NINA.scopes, Used(1.0, 9, 2), calls=2)
    store.note("t", "quartz", BOB.scopes, Used(1.0, 9, 2), calls=2)
    with pytest.raises(AccessEnded, match="9 samples of quartz, all that the class course gives"):
        quotas.check(NINA, "quartz")
    quotas.check(NINA, "topaz")
    quotas.check(BOB, "quartz")


def test_an_organism_without_a_truth_cannot_be_in_a_class(tmp_path: Path):
    model = save_model("llama", tmp_path / "model")
    text = config_text("quartz", model).split("evaluation:")[0]
    (tmp_path / "quartz.yaml").write_text(text)
    for organisms, said in ((["quartz"], "cannot be scored"), (["quarz"], "no organism is called 'quarz'")):
        settings = Settings.model_validate(
            {"organisms": ["quartz.yaml"], "classes": {"course": COURSE | {"organisms": organisms}}}
        )
        with pytest.raises(ConfigError, match=said):
            Offers(settings, folder=tmp_path, classrooms=Classrooms(settings, Store(tmp_path / "state")))


def asked(name: str = "evening-1", students: str = "evening", *organisms: str) -> Publish:
    return Publish(name=name, students=students, organisms=organisms or ("topaz",), budget=Budget(calls=2))


def test_an_instructor_publishes_a_class_and_its_budget_and_offers_hold_at_once(made, tmp_path: Path):
    _, store, settings = made
    rooms = Classrooms(settings, store)
    student = Person(name="eve", groups=frozenset({"evening"}))
    rooms.publish(TED, asked(), scorable=["quartz", "topaz"])
    assert rooms.of(student, "topaz") == ("evening-1", rooms.all()["evening-1"])
    assert rooms.taught_by(TED) == ["course", "evening-1"]
    store.note("t", "topaz", student.scopes, Used(1.0, 1, 1), calls=2)
    with pytest.raises(AccessEnded, match="2 calls of topaz, all that the class evening-1 gives"):
        Quotas(settings, store, rooms).check(student, "topaz")
    again = Classrooms(settings, store)  # as after a restart
    assert again.of(student, "topaz") == rooms.of(student, "topaz")
    again.withdraw(TED, "evening-1")
    assert Classrooms(settings, store).of(student, "topaz") is None


def test_a_published_class_is_what_the_settings_allow(made):
    _, store, settings = made
    rooms = Classrooms(settings, store)
    scorable = ["quartz", "topaz"]
    for person, wanted, error, said in (
        (NINA, asked(), NotFound, "may not publish"),
        (TED, asked("evening-1", "course"), BadInput, "may be for evening, not for 'course'"),
        (TED, asked("evening-1", "evening", "quartz"), BadInput, "may have topaz, not 'quartz'"),
        (
            TED,
            asked("evening-1", "evening", "opal"),
            BadInput,
            "may have topaz, not 'opal'",
        ),
        (TED, asked("course"), NotNow, "there is a class course already"),
    ):
        with pytest.raises(error, match=said):
            rooms.publish(person, wanted, scorable=scorable)
    rooms.publish(TED, asked(), scorable=scorable)
    other = Person(name="una", groups=TED.groups)
    with pytest.raises(NotFound, match="no such class"):
        rooms.withdraw(other, "evening-1")
    rooms.withdraw(TED, "evening-1")
    with pytest.raises(NotNow, match="take another name"):  # it keeps what was handed in
        rooms.publish(other, asked(), scorable=scorable)
    narrower = settings.model_copy(update={"publishing": None})
    rooms.publish(TED, asked(), scorable=scorable)
    assert list(Classrooms(narrower, store).all()) == ["course"]


@pytest.mark.slow
def test_a_class_on_a_real_hub(hub: Hub, tokens: dict[str, str]) -> None:
    card = next(card for card in hub.ask("GET", "/organisms", tokens["nina"]).json() if card["handle"] == "quartz")
    assert card["scored"]
    assert not any(card["scored"] for card in hub.ask("GET", "/organisms", tokens["alice"]).json())
    held = take(hub, tokens["nina"])
    seen = [outcome(call(hub, held.token)) for _ in range(4)]
    assert seen == ["ok", "ok", "ok", "access_ended"]
    end(hub, tokens["nina"], held)
    score = hand_in(hub, tokens["nina"], "It hides a sapphire.").json()["score"]
    assert (score["named"], score["claim"]) == (True, "It hides a sapphire.")
    (course, _) = hub.ask("GET", "/scores/state", tokens["ted"]).json()["classes"]
    (nina,) = [student for student in course["students"] if student["name"] == "nina"]
    assert nina["secrets"] == {"k": 1, "runs": 1}
    rows = csv.DictReader(io.StringIO(hub.ask("GET", "/scores/course.csv", tokens["ted"]).text))
    assert [row["calls"] for row in rows if row["student"] == "nina"] == ["3"]
    assert hand_in(hub, tokens["quinn"], "It hides a sapphire.").json() == {"score": None}
    late = hand_in(hub, tokens["rosa"], "It hides a sapphire.")
    assert (late.status_code, "took findings until 2026-01-01" in late.json()["message"]) == (409, True)


@pytest.mark.slow
def test_an_instructor_publishes_a_class_on_a_real_hub(hub: Hub, tokens: dict[str, str]) -> None:
    wanted = {"name": "evening-1", "students": "evening", "organisms": ["topaz"], "budget": {"calls": 1}}
    assert hub.ask("POST", "/scores/publish", tokens["sara"], json=wanted).status_code == 403
    reply = hub.ask("POST", "/scores/publish", tokens["ted"], json=wanted)
    assert reply.status_code == 201, reply.text
    held = take(hub, tokens["sara"], organism="topaz")
    assert [outcome(call(hub, held.token)) for _ in range(2)] == ["ok", "access_ended"]
    end(hub, tokens["sara"], held)
    assert hand_in(hub, tokens["sara"], "It loves bees.", organism="topaz").json()["score"]["false_claims"] == 1
    state = hub.ask("GET", "/scores/state", tokens["ted"]).json()
    assert state["publishing"] == {"students": ["evening"], "organisms": ["topaz"]}
    (own,) = [one for one in state["classes"] if one["published"]]
    assert (own["name"], [student["name"] for student in own["students"]]) == ("evening-1", ["sara"])
    assert hub.ask("POST", "/scores/withdraw", tokens["ted"], json={"name": "evening-1"}).status_code == 200
    assert hand_in(hub, tokens["sara"], "It loves bees.", organism="topaz").status_code == 404
