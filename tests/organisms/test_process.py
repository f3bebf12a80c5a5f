from __future__ import annotations

import contextlib
import http.server
import os
import platform
import re
import select
import signal
import socket
import socketserver
import stat
import threading
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import psutil
import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.record.events import OrganismLoading, OrganismReady, OrganismWentAway
from interp_bench_ext.results import Generations, decode
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from interp_bench_ext.sandbox.control_groups import own_groups
from tests.host.probes import write_probes
from tests.host.running import Host, frames
from tests.host.tiny import HIDDEN
from tests.redteam.suite import attempt
from tests.techniques.support import FOLDER

PROBES = ("echo", "endless", "large", "broken", "peek", "snoop", "memory")


def spec_of(model: Path, adapter: Path, files: tuple[Path, ...], **changes: object) -> OrganismSpec:
    fields = {
        "name": str(adapter),
        "is_peft": True,
        "base_model": str(model),
        "hidden_system_prompt": HIDDEN,
        "device": "cpu",
        "techniques": files,
        **changes,
    }
    return OrganismSpec(**fields)


@pytest.fixture(scope="module")
def host(
    tmp_path_factory: pytest.TempPathFactory, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> Iterator[Host]:
    files = write_probes(tmp_path_factory.mktemp("techniques"), *PROBES)
    running = Host(spec_of(model_folders["llama"], adapter_folders["llama"], files), sandbox=False)
    yield running
    running.close()


@pytest.mark.slow
def test_it_says_how_the_loading_goes(host: Host) -> None:
    stages = [event.stage for event in host.seen if isinstance(event, OrganismLoading)]
    assert list(dict.fromkeys(stages)) == ["weights", "self-check", "seal"]
    assert any(isinstance(event, OrganismReady) for event in host.seen)
    assert host.process.device == "cpu"
    # As long as somebody waited for it: its process's own start is in it.
    assert host.process.load_s == pytest.approx(host.started_s, abs=1)


def test_only_the_token_opens_it(host: Host) -> None:
    for path in ("/health", "/techniques", "/nowhere"):
        connection, reply = host.request("GET", path, token="wrong")
        assert reply.status == 401
        connection.close()
    connection, reply = host.request("GET", "/nowhere")
    assert reply.status == 404
    connection.close()


def test_socket_and_folder_are_the_owners_alone(host: Host) -> None:
    path = Path(host.process.url.removeprefix("unix://"))
    assert len(str(path)) < 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_health_and_techniques(host: Host) -> None:
    assert set(host.get("/health")) == {"state", "busy_s", "waiting"}
    echo = next(spec for spec in host.get("/techniques") if spec["name"] == "echo")
    assert echo["signature"] == "echo(text, *, times=1)"
    assert echo["parameters"][0] == {
        "name": "text",
        "type": "str",
        "default": None,
        "help": "What to say, over two lines.",
    }
    assert [spec.name for spec in host.process.specs] == list(PROBES)


def test_a_call_answers_with_a_header_and_bytes(host: Host) -> None:
    (_, header), (_, buffer) = host.call("echo", text="héllo", times=3)
    result = decode(header, buffer)
    assert isinstance(result, Generations)
    assert result.texts == ("héllo",) * 3
    assert host.process.busy_s() >= 0


@pytest.mark.parametrize(
    ("technique", "arguments", "code", "says"),
    [
        ("eco", {}, "bad_input", "did you mean `echo`?"),
        ("echo", {"texts": "a"}, "bad_input", "no argument 'texts'; did you mean `text`?"),
        ("echo", {}, "bad_input", "needs the argument text"),
        ("echo", {"text": "a", "times": "many"}, "bad_input", "'times' should be int"),
        ("broken", {}, "technique_failed", "ZeroDivisionError: no (broken.py, line 18)"),
        ("broken", {"wrong_type": True}, "technique_failed", "returned int"),
        ("large", {"kind": "torch"}, "out_of_memory", "goes on serving"),
        ("large", {"kind": "python"}, "out_of_memory", "goes on serving"),
    ],
)
def test_errors_are_clear_and_the_host_goes_on(
    host: Host, technique: str, arguments: dict[str, object], code: str, says: str
) -> None:
    error = host.error(technique, **arguments)
    assert error["code"] == code
    assert says in error["message"]
    assert host.call("echo", text="still here")[0][0] == "H"


def test_a_malformed_call_is_refused(host: Host) -> None:
    connection, reply = host.request("POST", "/calls", {"technique": "echo", "argument": {}})
    ((kind, content),) = frames(reply.read)
    connection.close()
    assert kind == "E"
    assert content["code"] == "bad_input"


def sent(host: Host, head: str, pieces: Iterable[bytes]) -> dict[str, str]:
    """What the organism says to a call whose body is sent until it will have no more of it."""
    with contextlib.closing(host.connect()) as connection:
        assert connection.sock is not None
        token = f"Authorization: Bearer {host.connection.token}"
        connection.sock.sendall(f"POST /calls HTTP/1.1\r\nHost: o\r\n{token}\r\n{head}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sock.sendall(piece)
                if select.select([connection.sock], [], [], 0)[0]:
                    break
        with HTTPResponse(connection.sock) as response:
            response.begin()
            ((kind, content),) = frames(response.read)
    assert kind == "E"
    return dict(content)


@attempt("D9", "organism", "Hundreds of requests that are begun and never ended hold up the others", veil="any")
def test_half_requests_hold_nobody_up(host: Host) -> None:
    half = [host.connect().sock for _ in range(400)]
    single = socketserver.TCPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    serving = threading.Thread(target=single.serve_forever, daemon=True)
    serving.start()
    half.append(socket.create_connection(single.server_address))
    for one in half:
        one.sendall(b"POST /calls HTTP/1.1\r\nHost: o\r\n")
    assert answers(host.connect().sock, within_s=60)
    assert not answers(socket.create_connection(single.server_address), within_s=1)
    for one in half:
        one.close()
    single.shutdown()
    single.server_close()
    serving.join()
    assert host.call("echo", text="a")[-1][0] in "HB"


def answers(connection: socket.socket, *, within_s: float) -> bool:
    """Whether a server says something to one request while others have begun theirs and go no further."""
    with connection:
        connection.settimeout(within_s)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n")
        try:
            return bool(connection.recv(12))
        except TimeoutError:
            return False


@attempt("D8", "organism", "A call's body without end fills the organism's memory", veil="any")
def test_a_body_without_end_is_refused_and_takes_no_memory(host: Host) -> None:
    before = psutil.Process(host.pid).memory_info().rss
    chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    said = sent(host, "Transfer-Encoding: chunked", (chunk for _ in range(600)))
    assert "larger than 8 MiB" in said["message"]
    assert psutil.Process(host.pid).memory_info().rss < before + (64 << 20)
    assert host.call("echo", text="a")[-1][0] in "HB"


def test_a_body_that_announces_too_much_is_not_read(host: Host) -> None:
    assert "larger than 8 MiB" in sent(host, "Content-Length: 9000000", ())["message"]


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (b"[" * 90_000, "The call's body is wrong"),
        (b"[" + b"[]," * 2_000_000 + b"[]]", "200,000 is the most"),
        (b"[" + b'{"a":1},' * 40_000 + b"1]", "25,000 is the most"),
    ],
)
def test_what_costs_much_to_read_is_refused(host: Host, inner: bytes, said: str) -> None:
    body = b'{"technique":"echo","arguments":{"text":' + inner + b"}}"
    assert said in sent(host, f"Content-Length: {len(body)}", [body])["message"]


def test_a_deadline_ends_a_running_call_and_one_that_waits(host: Host) -> None:
    outcome: list[dict[str, str]] = []
    running = threading.Thread(target=lambda: outcome.append(host.error("endless", alone=True, deadline_s=1.5)))
    running.start()
    while host.get("/health")["state"] != "busy":
        pass
    waiting = host.error("echo", text="a", deadline_s=0.2)
    running.join()
    assert waiting["code"] == outcome[0]["code"] == "deadline"
    assert "waiting for its turn" in waiting["message"]


def test_calls_go_on_beside_one_that_generates(host: Host) -> None:
    outcome: list[dict[str, str]] = []
    running = threading.Thread(target=lambda: outcome.append(host.error("endless", deadline_s=3)))
    running.start()
    while host.get("/health")["state"] != "busy":
        pass
    assert host.call("echo", text="a")[0][0] == "H"
    assert not outcome
    running.join()
    assert outcome[0]["code"] == "deadline"


def test_a_client_that_goes_away_cancels_its_call(host: Host) -> None:
    connection, reply = host.request("POST", "/calls", {"technique": "endless", "arguments": {"alone": True}})
    kind, _ = next(frames(reply.read))
    assert kind == "P"
    assert host.get("/health")["state"] == "busy"
    reply.close()
    connection.close()
    assert host.call("echo", text="free again")[0][0] == "H"
    assert host.get("/health")["state"] == "ready"


def first(reply: HTTPResponse) -> tuple[str, object]:
    return next(frames(reply.read))


def test_calls_of_a_held_ticket_wait_before_they_begin_and_go_on_after(host: Host) -> None:
    other = host.lend().connection.token
    running, reply = host.request("POST", "/calls", {"technique": "endless", "arguments": {"alone": True}}, token=other)
    assert first(reply)[0] == "P"
    outcome: list[list[str]] = []
    queued = threading.Thread(target=lambda: outcome.append([kind for kind, _ in host.call("echo", text="queued")]))
    queued.start()
    while host.get("/health")["waiting"] != 1:
        pass
    host.run(host.lease.hold(held=True))
    reply.close()
    running.close()
    asking, new = host.request("POST", "/calls", {"technique": "echo", "arguments": {"text": "new"}, "deadline_s": 0.5})
    assert first(new) == ("P", {"stage": "paused by a person", "done": 0, "total": 0})
    for _ in range(2):  # the queued one's turn has come and gone by the second of these
        assert host.call("echo", text="other", token=other)[0][0] == "H"
    assert (outcome, host.get("/health")["waiting"]) == ([], 0)
    host.run(host.lease.hold(held=False))
    queued.join()
    assert outcome[0][-2:] == ["H", "B"]
    assert [kind for kind, _ in frames(new.read)][-2:] == ["H", "B"]
    asking.close()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc overwrites what is freed")
def test_freed_memory_holds_no_copy_of_the_prompt(host: Host) -> None:
    """The probe's own copies of the middle have other neighbours than the prompt's.

    It stands before the snoop, which builds the whole prompt while it looks for it.
    """
    start, end = 4, 30
    (_, header), _ = host.call("memory", reversed_middle=HIDDEN[start:end][::-1])
    neighbours = repr((HIDDEN[start - 1].encode(), HIDDEN[end].encode()))
    assert header["fields"]["texts"]
    assert neighbours not in header["fields"]["texts"]


@attempt("O2", "organism", "The organism's memory is searched for prompt, path and token ids", veil="any")
def test_nothing_sealed_can_be_found_in_the_process(host: Host, model_folders: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(model_folders["llama"])(HIDDEN, add_special_tokens=False).input_ids
    needles = [HIDDEN, HIDDEN[8:24], str(model_folders["llama"]), host.process._spec.name]
    (_, header), (_, buffer) = host.call(
        "snoop", reversed_needles=[needle[::-1] for needle in needles], shifted_ids=[token + 1 for token in ids[1:-1]]
    )
    result = decode(header, buffer)
    assert isinstance(result, Generations)
    assert result.texts == ()
    child = psutil.Process(host.pid)
    told = "\n".join([*child.cmdline(), *child.environ().values(), *map(repr, host.seen)])
    assert all(needle not in told for needle in needles)
    assert set(child.environ()).isdisjoint({"HOME", "USER", "ANTHROPIC_API_KEY", "HF_TOKEN"})


def test_the_snoop_finds_what_is_there(host: Host) -> None:
    """The null of the test above: the organism's own technique names are found."""
    (_, header), (_, buffer) = host.call("snoop", reversed_needles=["sseldne"], shifted_ids=[1, 2])
    result = decode(header, buffer)
    assert isinstance(result, Generations)
    assert "text sseldne" in result.texts


def test_its_memory_is_bounded_below_the_machine_s(host: Host) -> None:
    most_bytes, _ = psutil.Process(host.pid).rlimit(psutil.RLIMIT_DATA)
    assert 0 < most_bytes < psutil.virtual_memory().total * 0.9


def test_it_is_in_a_control_group_of_its_own_as_long_as_it_lives(host: Host) -> None:
    def group() -> list[str]:
        return re.findall(r"/(interp-bench-.*)", Path(f"/proc/{host.pid}/cgroup").read_text())

    own = next((own for own in own_groups() for _ in own.parents()), None)
    if own is None or not os.access(own.folder, os.W_OK):
        pytest.skip("no control group may be made here")
    [before] = group()
    os.kill(host.pid, signal.SIGKILL)
    host.wait_for(OrganismWentAway)
    host.wait_for(OrganismReady)
    [after] = group()
    assert after != before
    assert not list(own.mount.rglob(before))


@pytest.mark.slow
def test_a_killed_process_comes_back_at_the_same_place(host: Host) -> None:
    before, url = host.pid, host.process.url
    os.kill(before, signal.SIGKILL)
    lost = host.wait_for(OrganismWentAway)
    assert lost.restarting
    assert "killed" in lost.reason
    host.wait_for(OrganismReady)
    assert host.pid != before
    assert host.process.url == url
    assert host.call("echo", text="back")[0][0] == "H"


@pytest.mark.slow
def test_a_ticket_that_is_held_is_held_in_the_next_process_too(host: Host) -> None:
    held = host.lend()
    host.run(held.hold(held=True))
    os.kill(host.pid, signal.SIGKILL)
    host.wait_for(OrganismWentAway)
    host.wait_for(OrganismReady)
    connection, reply = host.request(
        "POST", "/calls", {"technique": "echo", "arguments": {"text": "a"}}, token=held.connection.token
    )
    with contextlib.closing(connection):
        assert first(reply)[1] == {"stage": "paused by a person", "done": 0, "total": 0}
        host.run(host.process.revoke(held.ticket))
        assert [kind for kind, _ in frames(reply.read)][-1] == "E"


@pytest.mark.slow
def test_a_process_without_its_parent_ends(host: Host) -> None:
    child = psutil.Process(host.pid)
    assert host.process._process is not None
    assert host.process._process.stdin is not None
    host._loop.call_soon_threadsafe(host.process._process.stdin.close)
    child.wait(timeout=20)
    host.wait_for(OrganismReady)


def test_a_spec_prints_as_nothing() -> None:
    assert "quokka" not in repr(OrganismSpec(name="quokka", hidden_system_prompt="quokka"))


@pytest.mark.slow
def test_a_failed_start_tells_the_owner_more_than_anyone_else(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    spec = spec_of(model_folders["llama"], adapter_folders["qwen2"], (), base_model=str(model_folders["gpt2"]))
    with pytest.raises(BadInput, match="does not fit its base model") as failed:
        Host(spec, sandbox=False)
    assert str(adapter_folders["qwen2"]) not in str(failed.value)
    assert str(adapter_folders["qwen2"]) in " ".join(failed.value.__notes__)


@pytest.mark.slow
def test_a_capped_technique_is_not_offered(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    files = write_probes(tmp_path, "echo", "peek")
    host = Host(spec_of(model_folders["llama"], adapter_folders["llama"], files), sandbox=False, access=Access.SAMPLE)
    try:
        assert [spec["name"] for spec in host.get("/techniques")] == ["echo"]
        assert [spec.name for spec in host.lease.specs] == ["echo"]
        assert host.error("peek")["code"] == "access_denied"
    finally:
        host.close()


@pytest.mark.skipif(sandbox_available() is not None, reason="bubblewrap does not work here")
def test_in_the_sandbox_it_serves_the_same_and_sees_no_names(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    files = (*write_probes(tmp_path, "outside"), FOLDER / "chat.py")
    host = Host(spec_of(model_folders["llama"], adapter_folders["llama"], files), sandbox=True)
    try:
        assert host.process.veil == "sandboxed"
        (_, header), (_, buffer) = host.call("outside", path=str(model_folders["llama"]))
        result = decode(header, buffer)
        assert isinstance(result, Generations)
        assert result.texts == ("path False", "network False", "processes 2")
        assert host.call("chat", prompts="hello", max_new_tokens=2)[-1][0] == "B"
        os.kill(host.pid, signal.SIGKILL)
        host.wait_for(OrganismWentAway)
        host.wait_for(OrganismReady)
        assert host.call("chat", prompts="hello", max_new_tokens=2)[-1][0] == "B"
    finally:
        host.close()
