"""gRPC on the wheel's own protocol: a servicer implements what it knows, and everything else is refused and noted."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpclib.config
from grpclib import GRPCError, Status
from grpclib.server import Server
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto.api_grpc import ModalClientBase

_WINDOW_BYTES = 1 << 26

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


def make_server(servicer: Any, seen: Counter[str], gate: Gate) -> Server:
    config = grpclib.config.Configuration(
        http2_connection_window_size=_WINDOW_BYTES, http2_stream_window_size=_WINDOW_BYTES
    )
    return Server([Wired(servicer, seen, gate)], config=config, status_details_codec=custom_detail_codec)
