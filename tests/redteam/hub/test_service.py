"""Attempts of one user of a JupyterHub on another's runs, on the organisms and on the service itself."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.hub.hub import Hub
from tests.hub.people import Held, call, end, hand_in, outcome, take

from ..suite import Trial, attempt
from .users import GROUP, Tokens, browser, everywhere, opened

pytestmark = pytest.mark.slow


@attempt("U7", GROUP, "Reading how another's ticket stands", veil="any")
def test_anothers_ticket(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    path = f"/tickets/{alices.id}"
    trial.abuse(opened, [hub.ask("GET", path, tokens["mallory"])], [hub.ask("GET", path, tokens["alice"])])


@attempt("U8", GROUP, "Ending another's ticket", veil="any")
def test_ending_anothers_ticket(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    tried = [hub.ask("DELETE", f"/tickets/{alices.id}", tokens["mallory"])]
    assert outcome(call(hub, alices.token)) == "ok"
    own = take(hub, tokens["mallory"])
    trial.abuse(opened, tried, [hub.ask("DELETE", f"/tickets/{own.id}", tokens["mallory"])])


@attempt("U9", GROUP, "A ticket with the digest of another's, to be there when it ends", veil="any")
def test_anothers_digest(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    asked = {"organism": "quartz", "caller": "x", "access": "base"}
    digest = hashlib.sha256(alices.token.encode()).hexdigest()
    tried = [hub.ask("POST", "/tickets", tokens["mallory"], json={**asked, "digest": digest})]
    own = hub.ask("POST", "/tickets", tokens["mallory"], json={**asked, "digest": "12" * 32})
    trial.abuse(opened, tried, [own])
    end(hub, tokens["mallory"], Held(own.json()["id"], ""))


@attempt("U10", GROUP, "A ticket's token after its run has ended", veil="any")
def test_an_ended_ticket(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    held = take(hub, tokens["mallory"])
    before = hub.ask("GET", "/organism/health", held.token)
    end(hub, tokens["mallory"], held)
    trial.abuse(opened, [hub.ask("GET", "/organism/health", held.token)], [before])


@attempt("U16", GROUP, "An organism that is not offered to one's group", veil="any")
def test_an_organism_of_others(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    asked = {"organism": "topaz", "digest": "34" * 32, "caller": "x", "access": "base"}
    listed = [card["handle"] for card in hub.ask("GET", "/organisms", tokens["bob"]).json()]
    assert listed == ["quartz"]
    tried = [
        hub.ask("POST", "/tickets", tokens["bob"], json=asked),
        hub.ask("POST", "/organisms/topaz/start", tokens["bob"]),
    ]
    allowed = hub.ask("POST", "/tickets", tokens["alice"], json=asked)
    trial.abuse(opened, tried, [allowed])
    end(hub, tokens["alice"], Held(allowed.json()["id"], ""))


@attempt("U17", GROUP, "More access than the organism's config gives", veil="any")
def test_more_access(hub: Hub, tokens: Tokens, mallorys: Held, trial: Trial) -> None:
    tried = call(hub, mallorys.token, technique="logit_lens", prompt="hello", base=True)
    allowed = call(hub, mallorys.token, technique="logit_lens", prompt="hello")
    trial.abuse(lambda seen: outcome(seen) == "ok", tried, allowed)


@attempt("U18", GROUP, "A ticket that outlives the administrator's limit", veil="any")
def test_a_long_ticket(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    held = take(hub, tokens["mallory"], deadline=time.time() + 1e6)
    state = hub.ask("GET", f"/tickets/{held.id}", tokens["mallory"]).json()
    latest = time.time() + 2 * 3600 + 60
    trial.abuse(lambda deadline: deadline > latest, state["deadline"], time.time() + 1e6)
    end(hub, tokens["mallory"], held)


@attempt("U19", GROUP, "A flood of tickets", veil="any")
def test_many_tickets(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    asked = {"organism": "quartz", "caller": "x", "access": "base"}
    with ThreadPoolExecutor(8) as threads:
        replies = list(
            threads.map(
                lambda n: hub.ask("POST", "/tickets", tokens["mallory"], json={**asked, "digest": f"{n:064x}"}),
                range(40),
            )
        )
    given = [reply for reply in replies if reply.status_code == 201]
    end(hub, tokens["mallory"], *(Held(reply.json()["id"], "") for reply in given))
    trial.abuse(lambda n: n > 12, len(given), len(replies))


@attempt("U20", GROUP, "Calls in another's name, by headers and by the caller's field", veil="any")
def test_another_name(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    before = spent(hub, tokens["root"])
    names = {"X-Forwarded-User": "alice", "X-Remote-User": "alice", "X-Caller": "alice", "REMOTE_USER": "alice"}
    held = take(hub, tokens["mallory"], caller="alice")
    body = {"technique": "sample", "arguments": {"prompts": "hello", "max_new_tokens": 2}}
    assert hub.ask("POST", "/organism/calls", held.token, json=body, headers=names).status_code == 200
    after = spent(hub, tokens["root"])
    gained = {user: after[user] - before.get(user, 0) for user in after}
    trial.abuse(bool, gained.get("alice", 0), gained["mallory"])
    end(hub, tokens["mallory"], held)


def spent(hub: Hub, admin: str) -> dict[str, int]:
    """Calls of each person."""
    return {user["name"]: user["calls"] for user in hub.ask("GET", "/admin/state", admin).json()["users"]}


@attempt("U21", GROUP, "Handles that are paths, to have the service load or tell of files", veil="any")
def test_handles_that_are_paths(hub: Hub, tokens: Tokens, organisms, trial: Trial) -> None:
    asked = {"digest": "56" * 32, "caller": "x", "access": "base"}
    tried = [
        hub.ask("POST", "/tickets", tokens["mallory"], json={**asked, "organism": name[:80]})
        for name in ("../quartz", str(organisms / "quartz.yaml"), "quartz\0", "/etc/passwd", "", "*", "amber")
    ]
    tried.append(hub.ask("POST", "/organisms/..%2f..%2fadmin%2fstate/start", tokens["mallory"]))
    allowed = hub.ask("POST", "/tickets", tokens["mallory"], json={**asked, "organism": "quartz"})
    trial.abuse(opened, tried, [allowed])
    end(hub, tokens["mallory"], Held(allowed.json()["id"], ""))


@attempt("U22", GROUP, "Requests that are too large, too deep or no requests at all", veil="any")
def test_bad_bodies(hub: Hub, tokens: Tokens, mallorys: Held, trial: Trial) -> None:
    bodies = [b"[" * 50_000, b"{}", b"\xff\xfe", b'{"a":' * 9_000, json.dumps({"digest": "a" * 100_000}).encode()]
    tried = [hub.ask("POST", "/tickets", tokens["mallory"], content=body) for body in bodies]
    huge = hub.ask("POST", "/organism/calls", mallorys.token, content=b"0" * (9 << 20))
    assert b"larger than" in huge.content
    alive = hub.ask("GET", "/organisms", tokens["alice"])
    trial.abuse(lambda replies: [r for r in replies if r.status_code < 400 or r.status_code >= 500], tried, [alive])


@attempt("U23", GROUP, "What the service's pages, lists and errors tell of an organism", veil="any")
def test_what_is_told(hub: Hub, tokens: Tokens, organisms, mallorys: Held, trial: Trial) -> None:
    texts = [
        reply.text for token in (tokens["mallory"], mallorys.token, tokens["root"]) for reply in everywhere(hub, token)
    ]
    for wrong in ({"prompts": 3}, {"prompts": "hello", "n": -1}, {"nothing": "of this"}):
        texts.append(repr(call(hub, mallorys.token, **wrong)))
    texts.append(repr(call(hub, mallorys.token, technique="get_model_info", **{"": 1})))
    texts.append(hub.log.read_text())
    assert str(organisms) not in "".join(texts[:-1])
    trial.leak("".join(texts), control=(organisms / "quartz.yaml").read_text())


@attempt("U24", GROUP, "Tokens in the service's own file, and who can read it", veil="any")
def test_the_state_file(hub: Hub, alices: Held, trial: Trial) -> None:
    files = list(hub.folder.glob("interp_bench_hub.sqlite*"))
    kept = b"".join(file.read_bytes() for file in files)
    assert all(not stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files)
    trial.abuse(lambda text: alices.token.encode() in text, kept, kept + alices.token.encode())
    assert hashlib.sha256(alices.token.encode()).hexdigest().encode() in kept


@attempt("U25", GROUP, "The Hub's tokens in the environment of the organism's process", veil="any")
def test_the_hosts_environment(hub: Hub, alices: Held, trial: Trial) -> None:
    secret = hub.service_process().environ()["JUPYTERHUB_API_TOKEN"]
    trial.abuse(lambda values: secret in values, "".join(hub.host().environ().values()), secret)


@attempt("U26", GROUP, "A flood of calls, so that nobody else has a turn", veil="any")
def test_a_flood(hub: Hub, tokens: Tokens, mallorys: Held, alices: Held, trial: Trial) -> None:
    long = {"prompts": "go", "n": 8, "max_new_tokens": 100}
    with ThreadPoolExecutor(20) as threads:
        flood = [threads.submit(call, hub, mallorys.token, **long) for _ in range(18)]
        while not any(entry["waiting"] for entry in hub.ask("GET", "/admin/state", tokens["root"]).json()["queue"]):
            assert not all(one.done() for one in flood)
        seen = call(hub, alices.token)
        left = sum(not one.done() for one in flood)
        came = [outcome(one.result()) for one in flood]
    assert outcome(seen) == "ok"
    assert "not_now" in came or came.count("ok") == 18  # more than may wait at once are refused
    # One of the flood at most was served while alice waited behind it.
    trial.abuse(lambda unserved: unserved == 0, left, 0)


@attempt("U27", GROUP, "Stopping or unloading what others use", veil="any")
def test_stopping_others(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    def stops(token: str) -> list[httpx2.Response]:
        return [hub.ask("POST", "/admin/stop", token, json={name: "quartz"}) for name in ("organism", "user")]

    tried = stops(tokens["mallory"])
    assert outcome(call(hub, alices.token)) == "ok"
    trial.abuse(opened, tried, stops(tokens["root"]))


@attempt("U28", GROUP, "Another's server: its runs, its organisms, its files", veil="any")
def test_anothers_server(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    assert hub.api("POST", "users/alice/server").status_code in (201, 202)
    own = f"{hub.url}user/alice"
    hub.wait(f"{own}/api")
    paths = ("interp_bench/api", "interp_bench/api/runs", "interp_bench/api/organisms", "api/contents", "api/kernels")

    def asked(user: str) -> list[httpx2.Response]:
        headers = {"Authorization": f"token {tokens[user]}"}
        return [httpx2.get(f"{own}/{path}", headers=headers, timeout=60) for path in paths]

    trial.abuse(opened, asked("mallory"), asked("alice"))
    hub.api("DELETE", "users/alice/server")


@attempt("U31", GROUP, "Others' scores, as a student, as another class's instructor, and in a browser", veil="any")
def test_others_scores(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    assert hand_in(hub, tokens["pia"], "It hides a sapphire.").status_code == 201
    paths = ("/scores/state", "/scores/course.csv")
    tried = [hub.ask("GET", path, tokens[user]) for path in paths for user in ("omar", "mallory")]
    tried.append(hub.ask("GET", "/scores/course.csv", tokens["uma"]))
    assert "pia" not in hub.ask("GET", "/scores/state", tokens["uma"]).text
    trial.abuse(opened, tried, [hub.ask("GET", path, tokens["ted"]) for path in paths])
    pages = []
    for user in ("omar", "ted"):
        with browser(hub, user) as logged_in:
            pages.append(logged_in.get(f"{hub.service}/classes/", follow_redirects=True).text)
    assert ["const TOKEN" in page for page in pages] == [False, True]
    assert "This page is for the instructors of classes on this Hub." in pages[0]


@attempt("U32", GROUP, "Handing in claims until one is right, by other runs and in another's name", veil="any")
def test_guessing_by_handing_in(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    first = hand_in(hub, tokens["omar"], "It loves bees.")
    assert not first.json()["score"]["named"]
    guesses = [
        hand_in(hub, tokens["omar"], "It hides a sapphire.", run="00000001"),
        hand_in(hub, tokens["omar"], "It hides a sapphire."),
        hand_in(hub, tokens["mallory"], "It hides a sapphire."),
        hand_in(hub, tokens["omar"], "It hides a sapphire.", user="pia", run="00000002"),
        hand_in(hub, None, "It hides a sapphire."),
    ]

    def named(replies: list[httpx2.Response]) -> list[str]:
        return [reply.text for reply in replies if reply.status_code < 400 and reply.json()["score"]["named"]]

    trial.abuse(named, guesses, [hand_in(hub, tokens["pia"], "It hides a sapphire.")])


@attempt("U33", GROUP, "What the service tells a student of the truth of what they have handed in", veil="any")
def test_the_truth_beside_a_score(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    said = hand_in(hub, tokens["omar"], "It loves bees.").text + hub.ask("GET", "/organisms", tokens["omar"]).text
    trial.abuse(lambda text: "sapphire" in text, said, hand_in(hub, tokens["pia"], "It hides a sapphire.").text)


@attempt("U34", GROUP, "Classes published by students, for others, or under another instructor's name", veil="any")
def test_classes_of_others(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    def published(user: str, **more: object) -> httpx2.Response:
        wanted = {"name": "night", "students": "evening", "organisms": ["topaz"], "budget": {"calls": 1}}
        return hub.ask("POST", "/scores/publish", tokens[user], json=wanted | more)

    good = published("ted")
    tried = [
        *(published(user) for user in ("mallory", "sara", "uma")),
        published("ted", students="students"),
        published("ted", organisms=["quartz"]),
        published("ted", name="course"),
        published("ted", owner="uma"),
        *(hub.ask("POST", "/scores/withdraw", tokens[user], json={"name": "night"}) for user in ("sara", "uma")),
        hub.ask("POST", "/scores/withdraw", tokens["ted"], json={"name": "seminar"}),
    ]
    trial.abuse(opened, tried, [good, hub.ask("POST", "/scores/withdraw", tokens["ted"], json={"name": "night"})])


@attempt("U35", GROUP, "Scores of a class after its instructor has left the group of those who may publish", veil="any")
def test_a_former_instructor(hub: Hub, trial: Trial) -> None:
    wanted = {"name": "dusk", "students": "evening", "organisms": ["topaz"]}

    def reads() -> list[httpx2.Response]:
        token = hub.token_of("ted")  # a new one: what an old one may is looked up again after a minute only
        return [
            hub.ask("GET", "/scores/dusk.csv", token),
            hub.ask("POST", "/scores/withdraw", token, json={"name": "dusk"}),
        ]

    assert hub.ask("POST", "/scores/publish", hub.token_of("ted"), json=wanted).status_code == 201
    hub.api("DELETE", "groups/teachers/users", json={"users": ["ted"]})
    tried = reads()
    hub.api("POST", "groups/teachers/users", json={"users": ["ted"]})
    trial.abuse(opened, tried, reads())
