"""gRPC on the wheel's own protocol: a servicer implements what it knows, and everything else is refused and noted.

It takes large frames and writes many at once, as the servers of a real control plane do: what is measured against it is
Modal's client and what is around that, not this.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpclib.config
from grpclib import GRPCError, Status
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.settings import SettingCodes
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto.api_grpc import ModalClientBase

_WINDOW_BYTES = 1 << 26
_FRAME_BYTES = 1 << 20
_GATHERED_BYTES = 1 << 18

Gate = Callable[[str, Any], None]
"""Called with a method's name and the request's metadata before anything else; may raise GRPCError."""


class Wired:
    """A handler for grpclib around ``servicer``, whose methods are called as the protocol's are."""

    def __init__(self, servicer: Any, seen: Counter[str], gate: Gate) -> None:
        self._servicer, self._seen, self._gate = servicer, seen, gate

    def __mapping__(self) -> Any:
        return ModalClientBase.__mapping__(self)

    def __getattr__(self, name: str) -> Any:
        if not name[:1].isupper():
            raise AttributeError(name)

        async def handle(stream: Any) -> None:
            request = await stream.recv_message()
            self._seen[name] += 1
            self._gate(name, stream.metadata)
            method = getattr(self._servicer, name, None)
            if method is None:
                self._seen[f"unknown {name}"] += 1
                raise GRPCError(Status.UNIMPLEMENTED, f"the plane knows no {name}")
            reply = method(request)
            if inspect.isasyncgen(reply):
                async for one in reply:
                    await stream.send_message(one)
            else:
                await stream.send_message(await reply)

        return handle


class _Gathered:
    """A transport that sends small writes together."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            asyncio.get_running_loop().call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _GATHERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._parts and not self._transport.is_closing():
            self._transport.write(b"".join(self._parts))
        self._parts.clear()
        self._size = 0


class _Protocol(H2Protocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(_Gathered(transport))
        self.connection._connection.update_settings({SettingCodes.MAX_FRAME_SIZE: _FRAME_BYTES})
        self.connection.flush()


class _Server(Server):
    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        return _Protocol(protocol.handler, protocol.config, protocol.h2_config)


def make_server(servicer: Any, seen: Counter[str], gate: Gate) -> Server:
    config = grpclib.config.Configuration(
        http2_connection_window_size=_WINDOW_BYTES, http2_stream_window_size=_WINDOW_BYTES
    )
    return _Server([Wired(servicer, seen, gate)], config=config, status_details_codec=custom_detail_codec)
