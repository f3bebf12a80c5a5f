"""Who may use the routes, and what they answer to what they cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError

from interp_bench_ext.api import API_VERSION, ServerInfo
from interp_bench_ext.app import ROUTES
from interp_bench_ext.models.key_variables import KEY_VARIABLES
from interp_bench_ext.record.cell_events import CellOutput
from interp_bench_ext.record.events import RunEnded, RunStarted, StepStarted
from interp_bench_ext.record.journal import Journal
from tests.redteam.suite import attempt

RUN, ORGANISM = "0123abcd", "89efcdab"
METHODS = ("GET", "POST", "DELETE")
COMMANDS = ("pause", "unpause", "stop")
_COMMANDS = f"(?P<command>{'|'.join(COMMANDS)})"


def concrete() -> list[tuple[str, str]]:
    """Every method of every route, with ids put in."""
    walked = []
    for pattern, kind in ROUTES:
        path = pattern.replace(r"(?P<run>[0-9a-f]{8})", RUN).replace(r"(?P<organism>[0-9a-f]{8})", ORGANISM)
        paths = [path.replace(_COMMANDS, command) for command in COMMANDS] if _COMMANDS in path else [path]
        walked += [(method, path) for path in paths for method in METHODS if method.lower() in vars(kind)]
    return walked


def problem(response: Any) -> dict[str, str]:
    """The reply's Problem; it is one sentence."""
    found: dict[str, str] = json.loads(response.body)
    assert set(found) == {"code", "message"}
    assert found["message"]
    assert "\n" not in found["message"]
    assert "Traceback" not in found["message"]
    return found


class Deny(Authorizer):
    """Lets nobody do anything with this extension, and remembers what was asked for."""

    asked: list[tuple[str, str]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return resource != "interp_bench"


def test_the_walk_knows_every_route():
    assert len(concrete()) == 27
    ends = {path.rpartition("/")[2] for _, path in concrete()}
    told = {
        "calls",
        "stream",
        "events",
        "figures",
        "report",
        "revealed",
        "reveal",
        "comparison",
        "score",
        "fork",
        "organisms",
    }
    assert ends >= told


@attempt("K1", "REST", "Every route without a token, or with a wrong one", veil="any")
async def test_nobody_uses_a_route_without_being_known(fetch, jp_serverapp):
    for method, path in concrete():
        answer = await fetch(method, path, {} if method == "POST" else None, Authorization="token wrong")
        assert answer.code == 403, (method, path)
        if not path.endswith("stream"):
            assert "log in" in problem(answer)["message"]
    assert "anthropic" not in vars(jp_serverapp.extension_manager)


@attempt("K4", "REST", "The events' WebSocket is opened by somebody unknown", veil="any")
async def test_no_socket_opens_for_somebody_unknown(jp_ws_fetch):
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("interp_bench/api/runs", RUN, "stream", headers={"Authorization": "token wrong"})
    assert refused.value.code == 403


class TestUnauthorized:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        jp_server_config.ServerApp.authorizer_class = Deny
        Deny.asked.clear()
        return jp_server_config

    async def test_every_route_asks_the_authorizer(self, fetch):
        for method, path in concrete():
            before = len(Deny.asked)
            answer = await fetch(method, path, {} if method == "POST" else None)
            assert answer.code == 403, (method, path)
            [(action, resource)] = Deny.asked[before:]
            assert resource == "interp_bench"
            expected = {"GET": ("read",), "POST": ("execute",), "DELETE": ("write", "execute")}[method]
            if path.endswith(("/reveal", "/revealed")):  # who may not score may not see the truth
                expected = ("execute",)
            assert action in expected, (method, path)


async def test_what_the_server_can_do(fetch):
    answer = await fetch("GET", "")
    info = ServerInfo.model_validate_json(answer.body)
    assert info.api == API_VERSION
    assert (info.providers, info.default_provider, info.locked) == (["playbook"], "playbook", {})
    assert info.models[0] == "claude-opus-5-5"
    assert answer.headers["Content-Type"] == "application/json"


async def test_the_bundled_configs_are_listed_and_torch_is_not_loaded_for_them(fetch):
    cards = {card["name"]: card for card in json.loads((await fetch("GET", "configs")).body)}
    assert cards["amber"]["group"] == "Bundled"
    assert cards["amber"]["problem"] is None
    assert cards["gpt2_modal"]["place"] == "modal"
    assert cards["gpt2_modal"]["problem"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [pair for pair in concrete() if RUN in pair[1] and not pair[1].endswith("stream")],
)
async def test_a_run_that_is_not_there(fetch, method, path):
    body = {
        "request_id": "r",
        **({"text": "x"} if path.endswith("messages") else {}),
        **({"approval": "a", "decision": "run"} if path.endswith("approvals") else {}),
        **({"name": "run_cell"} if path.endswith("calls") else {}),
    }
    answer = await fetch(method, path, body if method == "POST" else None)
    assert answer.code == 404
    assert problem(answer) == {"code": "not_found", "message": f"there is no run {RUN}; it may have been deleted"}


@attempt("K6", "REST", "A config is named by a path, an address or a pattern", veil="any")
@pytest.mark.parametrize(
    "name",
    [
        "../amber", "/etc/passwd", "configs/amber.yaml", "amber.yaml", "%2e%2e/amber", "file:///etc/passwd",
        "http://elsewhere/amber", "*", "amb\0er", "~/amber",
    ],
)  # fmt: skip
async def test_configs_are_looked_up_by_name_only(fetch, name):
    answer = await fetch("POST", "runs", {"request_id": "r", "config": name})
    assert answer.code == 400
    assert problem(answer)["message"].startswith(f"there is no config {name!r}")
    assert json.loads((await fetch("GET", "runs")).body) == []
    assert "amber" in {card["name"] for card in json.loads((await fetch("GET", "configs")).body)}


@attempt("K9", "REST", "A page of another host whose name leads to this machine reads the server's answers", veil="any")
async def test_no_other_host_s_name_is_answered(fetch):
    assert (await fetch("GET", "runs")).code == 200
    for host in ("elsewhere.example", "elsewhere.example:8888", "localhost.elsewhere.example"):
        assert (await fetch("GET", "runs", Host=host)).code == 403


@attempt("K8", "REST", "Odd run ids, bodies and names", veil="any")
@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("runs", b"{", "the request's body is not what it must be"),
        ("runs", b"[" * (2 << 20), "larger than 1 MiB"),
        ("runs", b"[]", "the request's body is not what it must be"),
        ("runs", {"config": "amber"}, "`request_id`: field required"),
        ("runs", {"request_id": "", "config": "amber"}, "`request_id`"),
        ("runs", {"request_id": "r", "config": "amber", "max_cost_usd": -1}, "`max_cost_usd`"),
        ("runs", {"request_id": "r", "config": "amber", "provider": "anthropic"}, "no API key for Claude"),
        ("runs", {"request_id": "r", "config": "../amber.yaml"}, "there is no config '../amber.yaml'"),
        ("organisms", {"request_id": "r", "config": "ambre"}, "did you mean `amber`"),
        (f"runs/{RUN}/fork", {"request_id": "r", "at": "c3", "message": ""}, "`message`"),
        (f"runs/{RUN}/fork", {"request_id": "r", "seed": 3}, "`seed`"),
        (f"runs/{RUN}/messages", {"request_id": "r", "text": ""}, "`text`"),
        (f"runs/{RUN}/approvals", {"request_id": "r", "approval": "a", "decision": "maybe"}, "`decision`"),
    ],
)
async def test_what_is_asked_for_wrongly_is_refused_in_a_sentence(fetch, jp_fetch, path, body, told):
    if isinstance(body, bytes):
        answer = await jp_fetch("interp_bench/api", path, method="POST", body=body, raise_error=False)
    else:
        answer = await fetch("POST", path, body)
    assert answer.code == 400
    assert told in problem(answer)["message"]


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "²"])
async def test_a_place_in_the_events_is_a_number(fetch, after):
    answer = await fetch("GET", f"runs/{RUN}/events?after={after}")
    assert answer.code == 400
    assert "the number of the last event" in problem(answer)["message"]


@attempt("K3", "REST", "A browser on another site starts a run", veil="any")
async def test_a_browser_that_does_not_prove_its_origin_starts_nothing(
    fetch, http_server_client, jp_base_url, jp_serverapp
):
    token = jp_serverapp.identity_provider.token
    page = await http_server_client.fetch(f"{jp_base_url}api/me?token={token}", follow_redirects=False)
    cookies = "; ".join(cookie.split(";")[0] for cookie in page.headers.get_list("Set-Cookie"))
    assert "username" in cookies
    answer = await fetch("POST", "runs", {}, Cookie=cookies, Authorization="")
    assert answer.code == 403
    assert "log in" in problem(answer)["message"]
    assert (
        await fetch("GET", "runs", Cookie=cookies, Authorization="", Referer=f"http://{_host(http_server_client)}/")
    ).code == 200


def _host(client: Any) -> str:
    return f"127.0.0.1:{client.get_http_port()}"


class TestLocked:
    @pytest.fixture
    def settings(self):
        return {"locked": {"approval": "ask", "max_cost_usd": 2.0}, "default_provider": "playbook"}

    async def test_what_the_administrator_has_fixed_is_told_and_holds(self, fetch):
        info = json.loads((await fetch("GET", "")).body)
        assert info["locked"] == {"approval": "ask", "max_cost_usd": 2.0}
        answer = await fetch("POST", "runs", {"request_id": "r", "config": "amber", "approval": "auto"})
        assert answer.code == 400
        assert "the administrator has fixed approval to 'ask'" in problem(answer)["message"]


class TestUnusableSetting:
    @pytest.fixture
    def settings(self):
        return {"locked": {"max_step": 3}}

    async def test_a_setting_that_fits_nothing_is_told_instead_of_ignored(self, fetch):
        for path in ("", "configs", "runs"):
            assert "InterpBenchApp.locked: 'max_step'" in problem(await fetch("GET", path))["message"]


class TestUnusableJournal:
    @pytest.fixture
    def settings(self, tmp_path):
        (tmp_path / "file").touch()
        return {"journal": str(tmp_path / "file" / "journal.sqlite")}

    async def test_a_journal_that_cannot_be_opened_is_told_until_it_can_be(self, fetch, tmp_path):
        assert "cannot be opened" in problem(await fetch("GET", "runs"))["message"]
        (tmp_path / "file").unlink()
        assert (await fetch("GET", "runs")).code == 200


class TestKeys:
    @pytest.fixture
    def jp_server_config(self, jp_server_config, monkeypatch):
        for name in KEY_VARIABLES:
            monkeypatch.setenv(name, f"sk-test-{name}")
        return jp_server_config

    async def test_a_key_is_taken_out_of_the_environment_as_the_server_starts(self, fetch, jp_serverapp):
        assert not set(KEY_VARIABLES) & set(os.environ)
        info = await fetch("GET", "")
        assert json.loads(info.body)["default_provider"] == "anthropic"
        assert "sk-test" not in info.body.decode()
        assert "sk-test" not in str(jp_serverapp.web_app.settings)


class TestKeyFile:
    @pytest.fixture
    def settings(self, tmp_path):
        (tmp_path / "key").write_text("sk-test-of-the-file\n", encoding="utf-8")
        return {"key_file": str(tmp_path / "key")}

    async def test_a_key_may_lie_in_a_file(self, fetch):
        assert json.loads((await fetch("GET", "")).body)["providers"] == ["playbook", "anthropic"]


class TestJournal:
    """Against a journal that something else has written."""

    @pytest.fixture
    def journal(self, jp_server_config, tmp_path):
        journal = Journal(tmp_path / "xdg" / "interp_bench" / "journal.sqlite")
        started = RunStarted(public={"agent": {}}, agent="playbook", seed=0, notebook="/x.ipynb")
        journal.create_run(
            RUN, experiment="x", config=tmp_path / "x.yaml", notebook=tmp_path / "x.ipynb", first=started
        )
        yield journal
        journal.close()

    async def test_a_thousand_events_are_replayed_at_once(self, fetch, jp_ws_fetch, journal):
        output = {"output_type": "stream", "name": "stdout", "text": "word " * 40}
        for number in range(1000):
            journal.append(RUN, CellOutput(cell_id="c1", index=number, output=output))
        journal.append(RUN, RunEnded(status="finished", message=""))
        await fetch("GET", "")
        began = time.perf_counter()
        socket = await jp_ws_fetch("interp_bench/api/runs", RUN, "stream", params={"after": "1"})
        entries: list[dict[str, Any]] = []
        while len(entries) < 1001:
            entries += json.loads(await socket.read_message())["entries"]
        assert time.perf_counter() - began < 1
        assert [entry["seq"] for entry in entries] == list(range(2, 1003))
        assert json.loads((await fetch("GET", f"runs/{RUN}/events?after=1")).body) == entries
        socket.close()

    async def test_figures_are_those_of_now_of_a_moment_and_of_the_stream(self, fetch, jp_ws_fetch, journal):
        journal.append(RUN, StepStarted(step=1))
        journal.append(RUN, RunEnded(status="finished", message=""))
        now = json.loads((await fetch("GET", f"runs/{RUN}/figures")).body)
        first = json.loads((await fetch("GET", f"runs/{RUN}/figures?at=1")).body)
        assert (now["steps"], first["steps"], first["minutes"]) == (1, 0, 0)
        assert json.loads((await fetch("GET", f"runs/{RUN}")).body)["figures"] == now
        socket = await jp_ws_fetch("interp_bench/api/runs", RUN, "stream", params={"after": "2"})
        batch = json.loads(await socket.read_message())
        assert ([entry["seq"] for entry in batch["entries"]], batch["figures"]) == ([3], now)
        socket.close()
        assert (await fetch("GET", f"runs/{RUN}/figures?at=soon")).code == 400

    async def test_what_nobody_foresaw_is_told_and_logged_without_its_text(self, fetch, journal, tmp_path, caplog):
        journal.append(RUN, RunEnded(status="failed", message=""))
        journal._database.execute('UPDATE events SET body = \'{"type": "quokka"}\'')
        answer = await fetch("GET", f"runs/{RUN}")
        assert answer.code == 500
        assert problem(answer)["code"] == "internal"
        assert "quokka" not in answer.body.decode() + caplog.text
        assert "ValidationError at " in caplog.text

    async def test_looking_is_no_activity_that_keeps_a_server_alive(self, fetch, jp_serverapp, journal):
        settings = jp_serverapp.web_app.settings
        before = settings.get("api_last_activity")
        for path in ("", "runs", f"runs/{RUN}/events", "organisms"):
            await fetch("GET", path)
        assert settings.get("api_last_activity") == before
        await fetch("DELETE", f"runs/{RUN}")
        assert settings["api_last_activity"] != before


_START = """
import sys, time
import jupyter_server.serverapp, jupyter_server.extension.application, jupyter_server.base.websocket
from tornado.ioloop import PeriodicCallback
before = set(sys.modules)
began = time.process_time()
import interp_bench_ext.app
print(time.process_time() - began)
print(*sorted(set(sys.modules) - before))
"""


def test_a_server_starts_no_slower_for_it():
    done = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, check=True)
    took, modules = done.stdout.splitlines()
    assert float(took) < 0.1
    assert all(name.startswith("interp_bench_ext") for name in modules.split())
