"""The socket of an organism, and what its server makes of a reply's parts."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path
from typing import Any

import h11
import pytest

from interp_bench_ext.host.serving import _Connection, listening


class _Written(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Any] = []

    def write(self, data: Any) -> None:
        self.parts.append(data)


def _asked(version: str, **headers: str) -> tuple[_Connection, _Written]:
    """A connection that has been asked for something and has begun to answer."""
    connection, written = _Connection(), _Written()
    connection.transport = written
    connection.receive_data(f"GET / HTTP/{version}\r\nHost: here\r\n\r\n".encode())
    assert type(connection.next_event()) is h11.Request
    assert type(connection.next_event()) is h11.EndOfMessage
    assert connection.send(h11.Response(status_code=200, headers=[*headers.items()])) == b""
    return connection, written


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_large_part_of_a_reply_is_not_copied(version: str) -> None:
    (connection, written), part = _asked(version), memoryview(bytes(1 << 20))
    last = connection.send(h11.Data(data=part))
    head, *others = [*written.parts, last]
    assert bytes(head).startswith(b"HTTP/1.1 200")
    assert others[0] is part
    assert [bytes(other) for other in others[1:]] == ([b"\r\n"] if version == "1.1" else [])
    assert connection.send(h11.EndOfMessage()) == (b"0\r\n\r\n" if version == "1.1" else b"")
    assert connection.send(h11.ConnectionClosed()) is None


def test_a_reply_s_head_is_written_with_what_comes_next() -> None:
    connection, written = _asked("1.1", **{"content-length": "3"})
    first = connection.send(h11.Data(data=b"abc"))
    assert first.startswith(b"HTTP/1.1 200")
    assert first.endswith(b"\r\n\r\nabc")
    assert connection.send(h11.EndOfMessage()) == b""
    assert written.parts == []
    connection, _ = _asked("1.1", **{"content-length": "0"})
    assert connection.send(h11.EndOfMessage()).startswith(b"HTTP/1.1 200")


def test_a_unix_socket_is_its_owners_alone_and_takes_the_place_of_one_that_was_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.touch(mode=0o666)
    with listening(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))


def test_a_port_is_of_this_machine_alone() -> None:
    with listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
