"""The host's protocol as a caller speaks it: HTTP over a Unix socket or TCP, a call's reply a stream of frames.

A frame is one byte of kind, eight bytes of length (big-endian) and the payload; a kind that is not known here is JSON,
and skipped. Closing the connection cancels the call, so every way out of a call, an interrupt included, closes it.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import numpy as np

from ..contracts import LARGEST_CALL_BYTES, TOO_LARGE_A_CALL, Connection
from ..errors import BadInput, InterpBenchError, OrganismLost, from_code
from ..results import Result, decode

_FRAME = struct.Struct(">cQ")
_LARGEST_MESSAGE = 1 << 30
_CONNECT_TIMEOUT_S = 10.0
_GRACE_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0

_LOST = "The connection to the organism was lost; it may be restarting: run the cell again."
_SILENT = "The organism has stopped answering: restart it, then run the cell again."
_GONE = "The organism is not running and has not come back: start it again, then run the cell again."

OnProgress = Callable[[str, int, int], None]
OnWaiting = Callable[[str], None]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path, self._patience = path, timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A connect with Python's timeout does not wait where many others have not been let in yet: it fails.
            waits = struct.pack("@ll", math.ceil(self._patience), 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, waits)
            self.sock.connect(self._path)
            self.sock.settimeout(self._patience)
        except OSError:
            self.sock.close()
            raise


class _OrganismConnection(UnixConnection):
    """One for a single request: as HTTP/1.0 asks, the reply ends with it, and its parts come without chunks' frames."""

    _http_vsn, _http_vsn_str = 10, "HTTP/1.0"


class Wire:
    """One organism's address; each request has a connection of its own, so threads may share a wire."""

    def __init__(self, connection: Connection, *, patience_s: float = 60.0) -> None:
        self.connection = connection
        self._headers = {
            "Authorization": f"Bearer {connection.token}",
            "Content-Type": "application/json",
            # Over a Unix socket the organism cannot tell its callers apart, and each gets its fair turn.
            "X-Caller": f"{os.getpid()}-{uuid.uuid4().hex[:8]}",
        }
        self.patience_s = patience_s
        """How long a restarting organism is waited for."""

    def get(self, path: str, *, on_waiting: OnWaiting | None = None) -> Any:
        """The JSON answer to a GET."""
        with self._request("GET", path, None, _GRACE_S, on_waiting) as response:
            return json.loads(response.read())

    def call(
        self,
        technique: str,
        arguments: dict[str, Any],
        deadline_s: float,
        *,
        on_progress: OnProgress | None = None,
        on_waiting: OnWaiting | None = None,
    ) -> Result:
        """Run a technique and wait for its result.

        Raises what the organism says went wrong, or :class:`OrganismLost` when it is not there (any more).
        """
        body = json.dumps({"technique": technique, "arguments": arguments, "deadline_s": deadline_s}).encode()
        if len(body) > LARGEST_CALL_BYTES:
            raise BadInput(TOO_LARGE_A_CALL)
        with self._request("POST", "/calls", body, deadline_s + _GRACE_S, on_waiting) as response:
            return _result(response, on_progress or (lambda stage, done, total: None))

    @contextmanager
    def _request(
        self, method: str, path: str, body: bytes | None, timeout_s: float, on_waiting: OnWaiting | None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connected(on_waiting)
        with closing(connection):
            try:
                assert connection.sock is not None
                connection.sock.settimeout(timeout_s)
                connection.request(method, path, body, self._headers)
                with connection.getresponse() as response:
                    if response.status != http.client.OK:
                        _refused(response)
                    yield response
            except TimeoutError:
                raise OrganismLost(_SILENT) from None
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                raise OrganismLost(_LOST) from None

    def _connected(self, on_waiting: OnWaiting | None) -> http.client.HTTPConnection:
        """An open connection, waiting for an organism that is on its way back."""
        give_up, pause_s = time.monotonic() + self.patience_s, _FIRST_PAUSE_S
        while True:
            connection = open_connection(self.connection.url)
            try:
                connection.connect()
            except OSError:
                if time.monotonic() + pause_s > give_up:
                    raise OrganismLost(_GONE) from None
                if on_waiting is not None:
                    on_waiting("organism is restarting")
                time.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, 1.6 * pause_s)
            else:
                return connection


def open_connection(url: str) -> http.client.HTTPConnection:
    """A connection, not yet made, for ``unix:///path.sock`` or ``http://127.0.0.1:port``."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path:
        return _OrganismConnection(unquote(parts.path), _CONNECT_TIMEOUT_S)
    if parts.scheme == "http" and parts.hostname:
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_CONNECT_TIMEOUT_S)
    raise BadInput(f"An organism's address is unix:///path.sock or http://host:port, not {url!r}.")


def _refused(response: http.client.HTTPResponse) -> NoReturn:
    try:
        told = json.loads(response.read())
        raise from_code(str(told["code"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        raise InterpBenchError(f"The organism answered with HTTP status {response.status}.") from None


def _result(response: http.client.HTTPResponse, on_progress: OnProgress) -> Result:
    header: dict[str, Any] | None = None
    while True:
        kind, length = _FRAME.unpack(_exactly(response, _FRAME.size))
        if kind == b"B":
            if header is None:
                raise InterpBenchError("The organism sent a result without a header.")
            # Memory that is not zeroed first: an array of 17 MB arrives in two thirds of the time.
            return decode(header, _fill(response, np.empty(_announced(header, length), np.uint8).data))
        if length > _LARGEST_MESSAGE:
            raise InterpBenchError(f"The organism sent a message of {length:,} bytes.")
        message = json.loads(_exactly(response, length))
        if kind == b"H":
            header = message
        elif kind == b"P":
            on_progress(str(message["stage"]), int(message["done"]), int(message["total"]))
        elif kind == b"E":
            raise from_code(str(message["code"]), str(message["message"]))


def _announced(header: dict[str, Any], length: int) -> int:
    """``length``, checked before that much memory is taken."""
    if header.get("nbytes") != length:
        raise InterpBenchError(f"The organism announced {header.get('nbytes')} bytes and sends {length:,}.")
    return length


def _exactly(response: http.client.HTTPResponse, length: int) -> bytes:
    return bytes(_fill(response, memoryview(bytearray(length))))


def _fill(response: http.client.HTTPResponse, view: memoryview) -> memoryview:
    filled = 0
    while filled < len(view):
        count = response.readinto(view[filled:])
        if not count:
            raise http.client.IncompleteRead(b"", len(view) - filled)
        filled += count
    return view
