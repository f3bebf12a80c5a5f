"""A custom method run on an organism of this process: the same messages, without a sandbox around them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from interp_bench_ext.host.method_questions import MethodEnded, Questions
from interp_bench_ext.kernel.own_method import OwnMethod
from interp_bench_ext.methods.channel import Channel, Closed
from interp_bench_ext.methods.running import Methods


def _silent() -> None:
    return


@contextlib.contextmanager
def channel() -> Iterator[Channel]:
    """The host's end; at the other one methods run in a thread."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(Closed):
            Methods(Channel(theirs)).serve()

    thread = threading.Thread(target=serve)
    thread.start()
    found = Channel(ours)
    try:
        yield found
    finally:
        found.close()
        thread.join(timeout=10)
        theirs.close()


def asked(to: Channel, organism: Any, function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """What came of a method: the message that ends its call."""
    own = OwnMethod.of(function)
    to.send({"name": own.name, "source": own.source, "modules": own.modules, "arguments": arguments})
    questions = Questions(organism)
    while "ask" in (message := to.receive()):
        try:
            questions.answer(to, message, _silent)
        except MethodEnded as ended:
            return ended.message
    found: dict[str, Any] = message
    return found
