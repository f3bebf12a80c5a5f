"""Two people with servers of their own on a real Hub, who investigate the same organism at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.hub.hub import Hub, running
from tests.hub.people import SECRET_PROMPT
from tests.hub.servers import Server
from tests.redteam.hub.users import GROUP, browser
from tests.redteam.suite import attempt

ORGANISM = "quartz"
PEOPLE = ("alice", "bob")


@pytest.fixture(scope="module")
def served(organisms: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub with a proxy of its own, which users do not feel the restart of."""
    folder = tmp_path_factory.mktemp("people")
    text = (organisms / f"{ORGANISM}.yaml").read_text()
    # The playbook needs more techniques than the config names: without the line it has all.
    lines = [line for line in text.splitlines() if not line.startswith("techniques:")]
    (folder / f"{ORGANISM}.yaml").write_text("\n".join(lines))
    file = folder / "service.yaml"
    file.write_text(f"organisms: [{ORGANISM}.yaml]\n")
    with running(Hub(folder=folder, settings=file, cleanup=False)) as hub:
        yield hub


def started_by(hub: Hub, users: tuple[str, ...], what: str) -> list[psutil.Process]:
    """Processes of users' servers that run the module ``what``; a server works in its user's home."""
    homes = {str(hub.folder / "home" / user) for user in users}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "jupyterhub.singleuser" in process.cmdline() and process.environ().get("HOME") in homes:
                found += [one for one in process.children(recursive=True) if what in one.cmdline()]
    return found


def hosts(hub: Hub) -> list[psutil.Process]:
    """Processes of the service that hold an organism."""
    found = hub.service_process().children(recursive=True)
    return [one for one in found if "interp_bench_ext.host" in one.cmdline() and "bwrap" not in one.name()]


@pytest.mark.slow
@pytest.mark.timeout(600)
@attempt("U29", GROUP, "The Hub's token of one's own server, in the environment of the agent's kernel", veil="any")
def test_both_investigate_on_one_host_while_the_hub_restarts(served: Hub, organisms: Path) -> None:
    alice, bob = (Server(served, user) for user in PEOPLE)
    card = next(card for card in alice.ask("GET", "configs").json() if card["name"] == ORGANISM)
    assert (card["place"], card["group"], card["veil"], card["obstacle"]) == ("hub", "Hub", "remote", None)
    runs = {server.user: server.begin(steps=6, config=ORGANISM) for server in (alice, bob)}
    until = time.monotonic() + 240
    while not all("kernel_started" in server.events(runs[server.user]) for server in (alice, bob)):
        assert time.monotonic() < until, [alice.status(runs["alice"]), bob.status(runs["bob"])]
        time.sleep(0.5)
    kernels = started_by(served, PEOPLE, "ipykernel_launcher")
    assert len(kernels) >= 2
    for kernel in kernels:
        assert "JUPYTERHUB_API_TOKEN" not in kernel.environ()
    assert len(hosts(served)) == 1, "one process serves both"
    assert not started_by(served, PEOPLE, "interp_bench_ext.host")
    served.stop(proxy=False)
    served.start()
    for server in (alice, bob):
        events = asyncio.run(asyncio.wait_for(server.follow(runs[server.user]), 280))
        # It has few steps: the budget ends it, or the agent before that.
        assert events[-1]["status"] == "finished" or "steps" in events[-1]["message"], events[-1]
        assert any(event["type"] == "organism_used" and event["busy_s"] > 0 for event in events)
    home = served.folder / "home"
    for user in PEOPLE:
        for sealed in (SECRET_PROMPT, str(organisms), "sapphire"):
            assert not _has(home / user, sealed), "what the organism is made of is in a user's folder"
    _others_are_kept_out(served, alice, bob, runs)


def _has(folder: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def _others_are_kept_out(hub: Hub, alice: Server, bob: Server, runs: dict[str, str]) -> None:
    """Bob's token and Bob's browser at Alice's server."""
    path = f"{alice.url}interp_bench/api/runs/{runs['alice']}"
    assert httpx2.get(path, headers={"Authorization": f"token {alice.token}"}).status_code == 200
    for headers in ({"Authorization": f"token {bob.token}"}, {}):
        assert httpx2.get(path, headers=headers).status_code in (302, 403)
        assert httpx2.post(f"{path}/stop", headers=headers, json={"request_id": "x"}).status_code in (302, 403)
    with browser(hub, "alice") as logged_in:
        logged_in.get(f"{alice.url}lab", follow_redirects=True)
        assert logged_in.get(path).status_code == 200
        assert logged_in.post(f"{path}/stop", json={"request_id": "y"}).status_code == 403  # without the XSRF token
