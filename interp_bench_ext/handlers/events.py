"""A run's events: as they come over a WebSocket, or all there are as JSON where a proxy breaks WebSockets."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .base import RESOURCE, OpensServices, ServicesHandler, TellsNothing, allowed_to, describe_error, read_seq

if TYPE_CHECKING:
    from ..record.journal import Journal

GONE = 4404
"""Close code of a run that was deleted."""
GOING_AWAY, FAILED = 1001, 1011
_PAUSE_S = 0.05
"""Between two messages, so that a streaming reply is some messages a second and not one for each token."""
_TICK_S = 1.0
"""Between two messages that only say how far the clock is."""
_ROWS, _BYTES = 250, 500_000


class EventsHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self, run: str) -> None:
        after = self.after()
        desk = await self.desk()
        desk.runs.record(run)
        desk.runs.notice_end(run)
        self.set_header("Content-Type", "application/json")
        opening = "["
        while entries := _batch(desk.runs.journal, run, after):
            after = entries[-1][0]
            self.write(opening + ",".join(body for _, body in entries))
            await self.flush()
            opening = ","
        self.finish("[]" if opening == "[" else "]")


class FiguresHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self, run: str) -> None:
        at = self.get_query_argument("at", None)
        desk = await self.desk()
        self.reply(desk.runs.figures(run, at=None if at is None else read_seq("at", at)))


class StreamHandler(TellsNothing, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One client of a run; it is given what it lacks, then each event as it is recorded."""

    auth_resource = RESOURCE
    max_message_size = 4096
    """Clients have nothing to say here."""

    def initialize(self, app: OpensServices) -> None:
        self._app = app
        self._sending: asyncio.Task[None] | None = None

    @ws_authenticated
    @allowed_to("read")
    async def get(self, run: str) -> None:
        desk = await self._app.desk()
        desk.runs.record(run)
        self._bench, self._run = desk, run
        self._after = read_seq("after", self.get_query_argument("after", "0"))
        await super().get(run)

    @property
    def ping_interval(self) -> float:
        """Seconds, for Tornado, which sends the pings; the server's setting counts milliseconds."""
        return float(super().ping_interval) / 1000

    @property
    def ping_timeout(self) -> float:
        """Tornado allows no more; a client that was only asleep comes back by itself."""
        return self.ping_interval

    def open(self, *args: str) -> None:
        # Without the mixin's, which would send pings of its own.
        self._sending = asyncio.create_task(self._send())

    def on_message(self, message: str | bytes) -> None:
        """Commands are REST requests; whatever comes here is dropped."""

    def on_close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A refused handshake: its status is all that a browser shows."""
        self.set_status(describe_error((kwargs.get("exc_info") or (None, None))[1], status_code)[0])
        self.finish()

    async def _send(self) -> None:
        feed, journal = self._bench.runs.feed, self._bench.runs.journal
        loop = asyncio.get_running_loop()
        told, told_at = "", 0.0
        try:
            while not feed.closed:
                entries = _batch(journal, self._run, self._after)
                if entries:
                    told, told_at = self._figures(), loop.time()
                    await self._tell(entries, told)
                    self._after = entries[-1][0]
                    await asyncio.sleep(0 if len(entries) == _ROWS else _PAUSE_S)
                elif journal.run(self._run) is None:
                    self.close(GONE, "the run was deleted")
                    return
                elif loop.time() - told_at >= _TICK_S and (figures := self._figures()) != told:
                    told, told_at = figures, loop.time()
                    await self._tell([], told)
                else:
                    self._bench.runs.notice_end(self._run)
                    await feed.more(self._run)
            self.close(GOING_AWAY, "the server stops")
        except (WebSocketClosedError, StreamClosedError):
            pass  # the client went away, and comes back with the number of its last event
        except sqlite3.Error:
            self.close(FAILED, "the journal cannot be read")

    def _figures(self) -> str:
        return self._bench.runs.figures(self._run).model_dump_json()

    async def _tell(self, entries: list[tuple[int, str]], figures: str) -> None:
        """Send an ``api.EventBatch``."""
        await self.write_message(f'{{"entries":[{",".join(body for _, body in entries)}],"figures":{figures}}}')


def _batch(journal: Journal, run: str, after: int) -> list[tuple[int, str]]:
    """The next events, few enough for one message."""
    entries = journal.raw_entries(run, after=after, limit=_ROWS)
    size = 0
    for index, (_, body) in enumerate(entries):
        size += len(body)
        if size > _BYTES and index:
            return entries[:index]
    return entries
