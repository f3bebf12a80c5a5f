"""The socket of an organism, and what its server makes of a reply's parts."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import h11

from interp_bench_ext.host.serving import _Connection, listening


def _asked(version: str) -> _Connection:
    """A connection that has been asked for something and has begun to answer."""
    connection = _Connection(h11.SERVER)
    connection.receive_data(f"GET / HTTP/{version}\r\nHost: here\r\n\r\n".encode())
    assert type(connection.next_event()) is h11.Request
    assert type(connection.next_event()) is h11.EndOfMessage
    head = connection.send(h11.Response(status_code=200, headers=[]))
    assert (b"chunked" in head) == (version == "1.1")
    return connection


def test_a_large_part_of_a_reply_is_not_copied() -> None:
    connection, part = _asked("1.0"), memoryview(bytes(1 << 20))
    assert connection.send(h11.Data(data=part)) is part
    assert connection.send(h11.EndOfMessage()) == b""
    assert connection.send(h11.ConnectionClosed()) is None


def test_whoever_asks_by_http_1_1_is_given_chunks() -> None:
    connection = _asked("1.1")
    assert connection.send(h11.Data(data=b"abc")) == b"3\r\nabc\r\n"
    assert connection.send(h11.EndOfMessage()) == b"0\r\n\r\n"


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
