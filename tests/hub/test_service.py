"""The service on a real Hub, asked with users' tokens through the real proxy, below a base URL."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from interp_bench_ext.hub.settings import ADMIN_SCOPE
from interp_bench_ext.hub.store import Store
from tests.hub.hub import Hub
from tests.hub.people import call, end, frames, outcome, take

Tokens = dict[str, str]


def test_organisms_are_listed_by_handle_and_nothing_tells_what_they_are(
    hub: Hub, tokens: Tokens, organisms: Path, prompt: str
) -> None:
    reply = hub.ask("GET", "/organisms", tokens["alice"])
    assert [card["handle"] for card in reply.json()] == ["quartz", "topaz"]
    for sealed in (prompt, "sapphire", str(organisms), "execution_mode"):
        assert sealed not in reply.text


def test_a_ticket_opens_its_organism_and_is_paid_for_by_its_user(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["alice"])
    seen = call(hub, held.token, prompts="hello", n=3, max_new_tokens=2)
    assert outcome(seen) == "ok"
    assert any(kind == b"P" and "organism" in said["stage"] for kind, said in seen)
    state = hub.ask("GET", f"/tickets/{held.id}", tokens["alice"]).json()
    assert state["busy_s"] > 0
    assert state["samples"] == 3
    assert state["tokens"] > 3  # the prompt's, and one or two of each reply
    names = {spec["name"] for spec in hub.ask("GET", "/organism/techniques", held.token).json()}
    assert names == {"sample", "get_model_info", "logit_lens"}
    end(hub, tokens["alice"], held)
    assert hub.ask("POST", "/organism/calls", held.token, json={}).status_code == 403


@pytest.mark.slow
def test_two_people_share_one_host_each_under_a_ticket_of_their_own(hub: Hub, tokens: Tokens) -> None:
    one, other = take(hub, tokens["alice"]), take(hub, tokens["bob"])
    with ThreadPoolExecutor(8) as threads:
        came = list(threads.map(lambda token: outcome(call(hub, token)), [one.token, other.token] * 4))
    assert came == ["ok"] * 8
    state = hub.ask("GET", "/admin/state", tokens["root"]).json()
    assert [organism["handle"] for organism in state["organisms"] if organism["state"] != "not loaded"] == ["quartz"]
    assert {ticket["user"] for ticket in state["tickets"]} == {"alice", "bob"}
    end(hub, tokens["alice"], one)
    end(hub, tokens["bob"], other)


@pytest.mark.slow
def test_two_who_start_an_organism_at_once_both_get_it(hub: Hub, tokens: Tokens) -> None:
    with ThreadPoolExecutor(2) as threads:
        replies = list(
            threads.map(lambda user: hub.ask("POST", "/organisms/topaz/start", tokens[user]), ["alice", "carol"])
        )
    assert [json.loads(reply.text.splitlines()[-1])["type"] for reply in replies] == ["ready", "ready"]


@pytest.mark.slow
def test_a_quota_is_exact_however_many_calls_come_at_once(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["dave"])
    with ThreadPoolExecutor(8) as threads:
        came = list(threads.map(lambda _: outcome(call(hub, held.token)), range(8)))
    assert sorted(came) == ["access_ended"] * 5 + ["ok"] * 3
    seen = call(hub, held.token)
    assert "Within 24 hours you have had 3 calls" in seen[-1][1]["message"]
    end(hub, tokens["dave"], held)
    refused = hub.ask("POST", "/tickets", tokens["dave"], json={**ASKED, "digest": "ab" * 32})
    assert refused.status_code == 429


ASKED = {"organism": "quartz", "caller": "test", "access": "base"}


@pytest.mark.slow
def test_what_a_group_has_together_is_used_up_by_any_of_them(hub: Hub, tokens: Tokens) -> None:
    erin, frank = take(hub, tokens["erin"]), take(hub, tokens["frank"])
    assert outcome(call(hub, erin.token, prompts="hello", n=20, max_new_tokens=1)) == "ok"
    assert outcome(call(hub, frank.token)) == "access_ended"
    end(hub, tokens["erin"], erin)
    end(hub, tokens["frank"], frank)


@pytest.mark.slow
def test_a_call_whose_client_goes_away_is_cancelled_and_leaves_the_queue(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["carol"])
    long = {"technique": "sample", "arguments": {"prompts": "go", "n": 64, "max_new_tokens": 4000}}
    headers = {"Authorization": f"Bearer {held.token}"}
    with httpx2.stream("POST", f"{hub.service}/organism/calls", json=long, headers=headers, timeout=60) as reply:
        next(reply.iter_raw())
    until = time.monotonic() + 30
    while any(entry["user"] == "carol" for entry in hub.ask("GET", "/admin/state", tokens["root"]).json()["queue"]):
        assert time.monotonic() < until, "the call goes on although nobody waits for it"
    assert outcome(call(hub, held.token)) == "ok"
    end(hub, tokens["carol"], held)


@pytest.mark.slow
def test_a_call_is_given_no_more_than_its_deadline_the_queue_included(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["carol"])
    body = {"technique": "sample", "arguments": {"prompts": "go", "n": 64, "max_new_tokens": 4000}, "deadline_s": 0.5}
    reply = hub.ask("POST", "/organism/calls", held.token, json=body)
    assert outcome(frames(reply.content)) == "deadline"
    end(hub, tokens["carol"], held)


@pytest.mark.slow
def test_the_host_is_killed_in_mid_call_and_comes_back_for_everybody(hub: Hub, tokens: Tokens) -> None:
    alice, bob = take(hub, tokens["alice"]), take(hub, tokens["bob"])
    assert outcome(call(hub, bob.token)) == "ok"
    came: list[str] = []
    long = {"prompts": "go", "n": 8, "max_new_tokens": 200}
    calling = threading.Thread(target=lambda: came.append(outcome(call(hub, alice.token, **long))))
    calling.start()
    until = time.monotonic() + 30
    while not _running(hub, tokens["root"], "alice"):
        assert time.monotonic() < until
    hub.host().kill()
    calling.join(90)
    assert came == ["ok"]
    assert outcome(call(hub, bob.token)) == "ok"
    end(hub, tokens["alice"], alice)
    end(hub, tokens["bob"], bob)


def _running(hub: Hub, admin: str, user: str) -> bool:
    queue = hub.ask("GET", "/admin/state", admin).json()["queue"]
    return any(entry["user"] == user and entry["running"] for entry in queue)


@pytest.mark.slow
def test_an_administrator_stops_an_organism_and_what_one_person_runs(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["alice"])
    assert outcome(call(hub, held.token)) == "ok"
    assert hub.ask("POST", "/admin/stop", tokens["root"], json={"organism": "quartz"}).status_code == 200
    assert outcome(call(hub, held.token)) == "ok"  # loaded anew
    assert hub.ask("POST", "/admin/stop", tokens["root"], json={"user": "alice"}).status_code == 200
    assert hub.ask("GET", "/organism/health", held.token).status_code == 403
    assert hub.ask("POST", "/admin/stop", tokens["root"], json={"user": "alice"}).status_code == 409


@pytest.mark.slow
def test_prometheus_is_told_what_each_person_used(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["carol"], organism="topaz")
    for _ in range(2):
        call(hub, held.token)
    page = hub.ask("GET", "/metrics", tokens["root"]).text
    assert 'interp_bench_calls_total{organism="topaz",outcome="ok",user="carol"} 2.0' in page
    own = [line for line in page.splitlines() if 'organism="topaz",user="carol"' in line]
    samples = [line for line in own if line.startswith("interp_bench_samples_total")]
    busy = [line for line in own if line.startswith("interp_bench_busy_seconds_total")]
    stated = hub.ask("GET", f"/tickets/{held.id}", tokens["carol"]).json()
    assert [float(line.split()[-1]) for line in samples] == [stated["samples"]]
    assert [float(line.split()[-1]) for line in busy] == [stated["busy_s"]]
    end(hub, tokens["carol"], held)


@pytest.mark.slow
def test_tickets_and_usage_survive_a_restart_of_the_service(hub: Hub, tokens: Tokens) -> None:
    held = take(hub, tokens["alice"])
    assert outcome(call(hub, held.token)) == "ok"
    before, counted = hub.ask("GET", f"/tickets/{held.id}", tokens["alice"]).json(), _calls(hub, "alice")
    assert counted >= 1
    process = hub.service_process()
    process.kill()
    process.wait(30)
    hub.wait(f"{hub.service}/health")
    assert hub.ask("GET", f"/tickets/{held.id}", tokens["alice"]).json() == before
    assert _calls(hub, "alice") == counted
    assert outcome(call(hub, held.token)) == "ok"
    assert _calls(hub, "alice") == counted + 1
    assert outcome(call(hub, take(hub, tokens["bob"]).token)) == "ok"
    end(hub, tokens["alice"], held)


def _calls(hub: Hub, user: str) -> int:
    """How many calls of theirs the service has put down."""
    store = Store(hub.folder / "interp_bench_hub.sqlite")
    with contextlib.closing(store):
        return store.usage(f"user:{user}", hours=24).calls


def test_a_token_without_the_scope_opens_nothing_and_roles_are_no_wider_than_needed(hub: Hub) -> None:
    narrow = hub.token_of("alice", scopes=["read:users!user=alice"])
    assert hub.ask("GET", "/organisms", narrow).status_code == 403
    fits = hub.token_of("alice", scopes=["access:services!service=interp-bench"])
    assert hub.ask("GET", "/organisms", fits).status_code == 200
    assert (
        hub.ask(
            "GET", "/admin/state", hub.token_of("root", scopes=["access:services!service=interp-bench"])
        ).status_code
        == 403
    )
    both = hub.token_of("root", scopes=["access:services!service=interp-bench", ADMIN_SCOPE])
    assert hub.ask("GET", "/admin/state", both).status_code == 200
