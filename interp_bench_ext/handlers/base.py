"""What all routes share: who may use them, what a body and a reply look like, and what an error becomes."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from ..errors import BadInput, InterpBenchError
from ..wrong_input import first_problem

if TYPE_CHECKING:
    from types import TracebackType

    from pydantic import BaseModel

    from ..api import Command
    from .desk import Desk

    Body = TypeVar("Body", bound=BaseModel)
    Request = TypeVar("Request", bound=Command)

Method = TypeVar("Method", bound=Callable[..., Any])
RESOURCE = "interp_bench"
"""What an Authorizer is asked about; the actions are ``read``, ``write`` and ``execute``."""
_STATUS_BY_CODE = {"not_found": 404, "not_now": 409}
_SENTENCES = {
    403: "you are not logged in, or may not do this; log in again, or ask the administrator",
    404: "there is nothing at this address; reload the page",
    405: "this address does not take such a request; reload the page",
}


def allowed_to(action: Literal["read", "write", "execute"]) -> Callable[[Method], Method]:
    """A route for users who are logged in, and whom the server's Authorizer lets do ``action`` here."""

    def guarded(method: Method) -> Method:
        return cast("Method", web.authenticated(authorized(action)(method)))

    return guarded


class OpensServices(Protocol):
    """Whoever holds the desk: the server extension."""

    async def desk(self) -> Desk:
        """The desk, made at the first call. Raises BadInput where that is not possible."""
        ...


_LARGEST_BODY = 1 << 20
"""In bytes. What is longest in a request is a cell's code."""


class TellsNothing:
    """Logs an error by its kind."""

    log: logging.Logger
    request: HTTPServerRequest

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """An unforeseen error's text may hold anything: the log gets its type and place."""
        if isinstance(value, InterpBenchError | HTTPError):
            self.log.info("%s %s: %s", self.request.method, self.request.path, value)
        else:
            self.log.error("%s %s: %s%s", self.request.method, self.request.path, type(value).__name__, _place(tb))


class ServicesHandler(TellsNothing, APIHandler):
    """A route of the REST interface."""

    auth_resource = RESOURCE

    def initialize(self, app: OpensServices) -> None:
        self._app = app

    async def desk(self) -> Desk:
        return await self._app.desk()

    def body(self, kind: type[Body]) -> Body:
        """The request's body. Raises BadInput in one sentence, also for one that is too large to be read at once."""
        from pydantic import ValidationError

        self.check_body()
        try:
            return kind.model_validate_json(self.request.body)
        except ValidationError as error:
            raise BadInput(_first_problem(error)) from None

    def check_body(self) -> None:
        """Raise BadInput for a body that is too large to be parsed."""
        if len(self.request.body) > _LARGEST_BODY:
            raise BadInput(f"the request's body is larger than {_LARGEST_BODY >> 20} MiB, the most that is read")

    def reply(self, value: BaseModel | list[Any], *, status: int = 200) -> None:
        from pydantic import TypeAdapter

        self.set_status(status)
        self.finish(TypeAdapter(Any).dump_json(value))

    def after(self) -> int:
        """The number of the last event that the client has."""
        return read_seq("after", self.get_query_argument("after", "0"))

    async def command(
        self,
        kind: type[Request],
        work: Callable[[Desk, Request], Coroutine[Any, Any, BaseModel]],
        *,
        status: int = 200,
    ) -> None:
        """Read a request, and reply with what ``work`` makes of it, which is done once for each request of a user.

        Another body is another request.
        """
        from ..runs.idempotency import command_of

        asked = self.body(kind)
        desk = await self.desk()
        user = getattr(self.current_user, "username", "")
        named = command_of(user=user, path=self.request.path, body=asked.model_dump_json())
        self.reply(await desk.once(named, lambda: work(desk, asked)), status=status)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error is a Problem; what nobody foresaw says no more than that."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        status, code, message = describe_error(error, status_code)
        self.set_status(status)
        self.finish(json.dumps({"code": code, "message": message}))

    def update_api_activity(self) -> None:
        """Looking is no activity: an open page alone must not keep an idle server alive."""
        if self.request.method != "GET":
            super().update_api_activity()


def read_seq(name: str, text: str) -> int:
    """The number of an event that the query parameter ``name`` gives. Raises BadInput."""
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"{name}={text}: give the number of the last event that counts, or 0")
    return int(text)


def describe_error(error: BaseException | None, status: int) -> tuple[int, str, str]:
    """HTTP status, code and sentence of ``error``."""
    match error:
        case InterpBenchError():
            known = _STATUS_BY_CODE.get(error.code, 400 if isinstance(error, BadInput) else 409)
            return known, error.code, error.message
        case sqlite3.Error():
            return 500, "journal", f"the journal cannot be read or written ({error}); free some disk space"
        case HTTPError():
            phrase = HTTPStatus(status).phrase.lower()
            return status, phrase.replace(" ", "_"), _SENTENCES.get(status, error.log_message or phrase)
    return 500, "internal", "something went wrong in the server; its log says where"


def _first_problem(error: Any) -> str:
    problem = first_problem(error)
    return problem if problem.startswith("`") else f"the request's body is not what it must be: {problem}"


def _place(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
