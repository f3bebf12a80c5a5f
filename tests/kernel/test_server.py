from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput, InterpBenchError
from interp_bench_ext.kernel.server import (
    JupyterServer,
    _candidates,
    _headers,
    _is_this_machine,
    _reachable,
    _refused,
    _running,
    find_server,
)

from .jupyter_stub import TOKEN, JupyterStub
from .stub import Host


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("JPY_PARENT_PID", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_SERVICE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def said_by(folder: Path, name: str, at: float, **info: object) -> None:
    file = folder / f"jpserver-{name}.json"
    file.write_text(json.dumps(info), encoding="utf-8")
    os.utime(file, (at, at))


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://0.0.0.0:8888/lab/", "http://127.0.0.1:8888/lab/"),
        ("http://[::]:8888/", "http://127.0.0.1:8888/"),
        ("http://10.0.0.7:8888/", "http://10.0.0.7:8888/"),
        ("https://hub.example.org/user/0.0.0.0/", "https://hub.example.org/user/0.0.0.0/"),
    ],
)
def test_an_address_that_can_be_called(url: str, called: str):
    assert _reachable(url) == called


def test_which_certificates_name_this_machine_otherwise():
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1", socket.gethostname()):
        assert _is_this_machine(host), host
    for host in ("10.0.0.7", "hub.example.org", ""):
        assert not _is_this_machine(host), host


def test_a_server_without_log_in_is_shown_that_no_other_page_asks():
    assert _headers("t") == {"Authorization": "token t"}
    assert _headers("")["X-XSRFToken"] in _headers("")["Cookie"]


def test_the_parent_comes_first_then_the_newest(runtime: Path, monkeypatch: pytest.MonkeyPatch):
    said_by(runtime, "1", 100, pid=1, url="http://127.0.0.1:1/")
    said_by(runtime, "2", 300, pid=2, url="http://127.0.0.1:2/")
    said_by(runtime, "3", 200, pid=3, url="http://127.0.0.1:3/")
    assert [info["pid"] for info in _running()] == [2, 3, 1]
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    assert [info["pid"] for info in _running()] == [1, 2, 3]


def test_what_is_no_servers_file_is_passed_over(runtime: Path):
    said_by(runtime, "whole", 100, pid=1, url="http://127.0.0.1:1/")
    said_by(runtime, "no-url", 100, pid=1)
    said_by(runtime, "bad-url", 100, pid=1, url="http://[::1/")
    (runtime / "jpserver-list.json").write_text("[1]")
    (runtime / "jpserver-cut.json").write_text('{"pid": 1')
    (runtime / "jpserver-folder.json").mkdir()
    assert len(_running()) == 1


def test_a_hub_is_asked_with_its_own_token(runtime: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://0.0.0.0:8888/user/ada/")
    said_by(runtime, "1", 100, pid=1, url="http://127.0.0.1:1/", token="", sock="/run/s")
    said_by(runtime, "2", 50, pid=2, url="http://127.0.0.1:2/", token="own")
    found = list(_candidates("k"))
    assert [(server.url, server.headers["Authorization"], server.socket) for server, _ in found] == [
        ("http://127.0.0.1:1/", "token hub", "/run/s"),
        ("http://127.0.0.1:2/", "token own", ""),
        ("http://127.0.0.1:8888/user/ada/", "token hub", ""),
    ]


def test_outside_of_a_kernel_there_is_no_server(runtime: Path):
    assert find_server() is None


def test_a_token_is_not_in_what_is_printed():
    assert "secret" not in repr(JupyterServer("http://127.0.0.1:1/", "k", _headers("secret")))


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (404, b"<html>", "has no Interp Bench: install"),
        (403, b"{}", "does not let this notebook do that"),
        (401, b'{"message": "x"}', "does not let this notebook do that"),
        (500, b"\xff", "answered with HTTP status 500"),
        (502, b"[1]", "answered with HTTP status 502"),
    ],
)
def test_a_refusal_that_is_not_our_own_is_one_sentence(status: int, content: bytes, said: str):
    with pytest.raises(InterpBenchError, match=said):
        _refused(status, content)


def test_our_own_refusal_comes_back_as_itself():
    with pytest.raises(BadInput, match="^no such config$"):
        _refused(400, json.dumps({"code": BadInput.code, "message": "no such config"}).encode())


def test_a_server_that_does_not_answer_says_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InterpBenchError, match="does not answer"):
        JupyterServer(f"http://127.0.0.1:{port}/", "k").get("api")


def test_what_a_real_server_says_is_read(tmp_path: Path):
    stub = JupyterStub(tmp_path, Host(tmp_path / "o.sock").connection)
    try:
        [file] = tmp_path.glob("jpserver-*.json")
        server = JupyterServer(json.loads(file.read_text())["url"], stub.kernel, _headers(TOKEN))
        assert server.get("interp_bench/api")["api"]
    finally:
        stub.stop()
