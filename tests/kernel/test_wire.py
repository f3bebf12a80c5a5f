from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp_bench_ext.contracts import LARGEST_CALL_BYTES, Connection
from interp_bench_ext.errors import BadInput, InterpBenchError
from interp_bench_ext.host.frames import frame_head, json_frame
from interp_bench_ext.kernel.wire import UnixConnection, Wire, _refused, _result, open_connection
from interp_bench_ext.results import encode
from tests.results import samples


class Reply(io.BytesIO):
    """What is left of a reply, which comes in small pieces."""

    status = 500

    def readinto(self, view: Any) -> int:
        return super().readinto(memoryview(view)[:7])


def frames(result: Any) -> bytes:
    header, arrays = encode(result)
    data = b"".join(bytes(memoryview(array).cast("B")) for array in arrays)
    return json_frame(b"H", header) + frame_head(b"B", len(data)) + data


def read(content: bytes) -> tuple[Any, list[tuple[str, int, int]]]:
    heard: list[tuple[str, int, int]] = []
    return _result(Reply(content), lambda *told: heard.append(told)), heard  # type: ignore[arg-type]


def test_a_result_comes_after_its_progress():
    progress = json_frame(b"P", {"stage": "reading", "done": 1, "total": 2})
    for sample in samples.all_samples():
        result, heard = read(progress + frames(sample))
        assert result == sample
        assert heard == [("reading", 1, 2)]


def test_an_error_is_raised_as_itself():
    with pytest.raises(BadInput, match="^x is wrong$"):
        read(json_frame(b"E", {"code": BadInput.code, "message": "x is wrong"}))


def test_what_is_of_a_later_version_is_passed_over():
    sample = samples.info()
    assert read(json_frame(b"Z", {"new": 1}) + frames(sample))[0] == sample


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (frame_head(b"B", 4) + bytes(4), "a result without a header"),
        (frame_head(b"P", 2**40), "a message of 1,099,511,627,776 bytes"),
        (json_frame(b"H", {"nbytes": 8}) + frame_head(b"B", 2**40), "announced 8 bytes and sends 1,099,511,627,776"),
    ],
)
def test_no_more_memory_is_taken_than_was_announced(content: bytes, said: str):
    with pytest.raises(InterpBenchError, match=said):
        read(content)


@pytest.mark.parametrize("cut", [0, 4, 9, 20])
def test_a_reply_that_ends_early_is_no_result(cut: int):
    with pytest.raises(http.client.IncompleteRead):
        read(frames(samples.info())[:cut])


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b'{"code": 1}', b"\xff"])
def test_a_refusal_without_a_sentence_is_one(content: bytes):
    with pytest.raises(InterpBenchError, match="answered with HTTP status 500"):
        _refused(Reply(content))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no"):
        _refused(Reply(json.dumps({"code": BadInput.code, "message": "no"}).encode()))  # type: ignore[arg-type]


def test_an_address_is_a_socket_or_a_port():
    assert isinstance(open_connection("unix:///run/a%20b.sock"), UnixConnection)
    assert open_connection("http://127.0.0.1:80").port == 80
    for odd in ("unix://", "https://x", "ftp://x", "", "/run/o.sock"):
        with pytest.raises(BadInput, match="An organism's address is unix:///path.sock or"):
            open_connection(odd)


def test_too_large_a_call_is_not_sent():
    wire = Wire(Connection("unix:///nowhere.sock", "t"))
    with pytest.raises(BadInput):
        wire.call("chat", {"prompts": "x" * LARGEST_CALL_BYTES}, 1.0)


def test_arrays_of_a_result_are_read_only():
    result, _ = read(frames(next(one for one in samples.all_samples() if hasattr(one, "top_probs"))))
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(result.top_probs)[...] = 0


def test_a_connection_waits_for_those_who_have_not_been_let_in_yet(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        while (first := stack.enter_context(socket.socket(socket.AF_UNIX))).setblocking(False) is None:
            if first.connect_ex(path):
                break
        last = UnixConnection(path, 30)
        waiting = threading.Thread(target=last.connect)
        waiting.start()
        while waiting.is_alive():
            stack.enter_context(listener.accept()[0])
            waiting.join(timeout=0.2)
        stack.enter_context(last.sock)
        assert last.sock.gettimeout() == 30
