"""Custom methods: an agent's own functions, each ticket's in a process of its own that asks the organism as they do.

That process is started in a sandbox by whoever started this one, and knows nothing that is in here: no weights' file,
no prompt, no other ticket. What it asks is held to the call's access, deadline and limits like what a technique asks.
Weights cross only as copies, so that nothing that a method does to them can change the organism.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp_bench_ext.errors import InterpBenchError, NotNow, OrganismError, TechniqueFailed
from interp_bench_ext.host.method_questions import CutOff, MethodEnded, Questions
from interp_bench_ext.methods.channel import Channel, Closed, Malformed
from interp_bench_ext.results import Result, decode
from interp_bench_ext.results.kit.safe_text import clean, shorten

_START_S = 60.0
_WORD_S = 5.0
_MOST = 8
"""Processes at a time; each holds torch and what its methods keep."""
_LONGEST = 4_000
_ENDED = "The method's process ended: it may have taken too much memory, or have ended itself. Its state is lost."


@dataclass
class _Worker:
    number: str
    channel: Channel
    working: bool = False


class MethodProcesses:
    """The processes of this organism's tickets. ``order`` has one started or ended by the parent process."""

    def __init__(self, folder: Path, order: Callable[[dict[str, Any]], None]) -> None:
        self._folder, self._order = folder, order
        self._lock = threading.Lock()
        self._workers: OrderedDict[str, _Worker] = OrderedDict()

    def call(self, ticket: str, organism: Any, check: Callable[[], None], call: dict[str, Any]) -> Result:
        """Run a method for a ticket. Raises TechniqueFailed with the method's own lines, and what ``check`` raises."""
        worker = self._of(ticket, check)
        worker.working = True
        try:
            worker.channel.send(call, check)
            return self._outcome(worker.channel, Questions(organism), check)
        except (Closed, Malformed):
            self.end(ticket)
            check()
            raise TechniqueFailed(_ENDED) from None
        except TypeError as error:
            raise TechniqueFailed(f"custom_method: {error}.") from None
        except CutOff as cut:
            self.end(ticket)
            raise cut.error from None
        finally:
            worker.working = False

    def _outcome(self, channel: Channel, questions: Questions, check: Callable[[], None]) -> Result:
        def timely() -> None:
            try:
                check()
            except InterpBenchError as error:
                raise CutOff(error) from None

        while True:
            message = channel.receive(timely)
            if not isinstance(message, dict):
                raise Malformed("no message")
            if "ask" in message:
                try:
                    questions.answer(channel, message, timely)
                    continue
                except MethodEnded as ended:
                    message = ended.message
            if "failed" in message:
                raise TechniqueFailed(shorten(clean(str(message["failed"])), _LONGEST))
            return _result(message)

    def _of(self, ticket: str, check: Callable[[], None]) -> _Worker:
        with self._lock:
            worker = self._workers.get(ticket)
            if worker is not None:
                self._workers.move_to_end(ticket)
                return worker
            idle = [other for other, each in self._workers.items() if not each.working]
            longest_unused = idle[0] if idle and len(self._workers) >= _MOST else None
        if longest_unused is not None:
            self.end(longest_unused)
        worker = self._started(check)
        with self._lock:
            self._workers[ticket] = worker
        return worker

    def _started(self, check: Callable[[], None]) -> _Worker:
        number, word = secrets.token_hex(4), secrets.token_urlsafe(24)
        path = self._folder / f"m{number}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(1)
            listener.settimeout(0.2)
            self._order({"type": "method", "number": number, "socket": str(path), "word": word})
            try:
                return _Worker(number, Channel(_accepted(listener, word, check)))
            except BaseException:
                self._order({"type": "method_end", "number": number})
                raise
            finally:
                path.unlink(missing_ok=True)

    def end(self, ticket: str) -> None:
        """End the ticket's process, with all that its methods have kept."""
        with self._lock:
            worker = self._workers.pop(ticket, None)
        if worker is not None:
            worker.channel.close()
            self._order({"type": "method_end", "number": worker.number})


def _accepted(listener: socket.socket, word: str, check: Callable[[], None]) -> socket.socket:
    """The connection of whoever says the word."""
    give_up = time.monotonic() + _START_S
    while time.monotonic() < give_up:
        check()
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            connection.settimeout(_WORD_S)
            with contextlib.suppress(Closed, Malformed):
                said = Channel(connection).receive()
                connection.settimeout(None)
                if isinstance(said, dict) and hmac.compare_digest(str(said.get("word", "")), word):
                    return connection
            connection.close()
    raise NotNow("The method's process did not start: run the cell again.")


def _result(message: dict[str, Any]) -> Result:
    header, arrays = message.get("result"), message.get("arrays")
    if not isinstance(header, dict):
        raise Malformed("no result")
    content = b"" if arrays is None else arrays.numpy().tobytes()
    try:
        return decode(header, content)
    except OrganismError as error:
        raise TechniqueFailed(f"The method's result cannot be read: {error.message}.") from None
