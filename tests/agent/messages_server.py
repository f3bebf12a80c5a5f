"""A loopback server that speaks the Messages API from a script, to drive the real SDK without a network."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Block = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A reply in events, ``pace_s`` apart; ``break_after`` ends the stream after that many, then comes ``error``."""

    content: Sequence[Block] = ()
    stop_reason: str = "end_turn"
    usage: dict[str, int] = field(default_factory=dict)
    final_usage: dict[str, int] = field(default_factory=dict)
    break_after: int | None = None
    error: Block | None = None
    pace_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An HTTP error."""

    status: int
    type: str = "api_error"
    message: str = "Try again."
    headers: dict[str, str] = field(default_factory=dict)


Answer = Streamed | Refused
Script = Sequence[Answer] | Callable[[dict[str, Any]], Answer]


def text(said: str) -> Block:
    return {"type": "text", "text": said}


def thinking(thought: str) -> Block:
    """A thinking block, signed so that the server notices when it comes back changed."""
    return {"type": "thinking", "thinking": thought, "signature": _signature(thought)}


def tool_use(name: str, arguments: dict[str, Any] | str, *, id: str = "toolu_1") -> Block:
    """A tool call; a string is sent as it is, well-formed or not."""
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def overloaded() -> Block:
    return {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


class MessagesServer:
    """Serves ``script`` on a free port of 127.0.0.1 while the ``with`` block lasts.

    ``requests`` and ``headers`` hold what came in. A list is used up reply by reply; a request beyond its end
    is answered with status 400, which no client repeats.
    """

    def __init__(self, script: Script) -> None:
        self._answers = script if callable(script) else None
        self._queue: Iterator[Answer] = iter(() if callable(script) else script)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = Starlette(routes=[Route("/v1/messages", self._messages, methods=["POST"])])
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> MessagesServer:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _messages(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        problem = _problem(body)
        if problem:
            return _error(Refused(status=400, type="invalid_request_error", message=problem))
        answer = self._answers(body) if self._answers else next(self._queue, _END)
        if isinstance(answer, Refused):
            return _error(answer)
        return StreamingResponse(_sse(_events(answer, body["model"]), answer.pace_s), media_type="text/event-stream")


_END = Refused(status=400, type="invalid_request_error", message="The script is at its end.")


def _signature(thought: str) -> str:
    return hashlib.sha256(thought.encode()).hexdigest()


def _error(answer: Refused) -> JSONResponse:
    body = {"type": "error", "error": {"type": answer.type, "message": answer.message}}
    return JSONResponse(body, status_code=answer.status, headers=answer.headers)


def _problem(body: dict[str, Any]) -> str | None:
    """What the API would refuse: altered thinking, too many cache marks, an unanswered tool call."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    for block in blocks:
        if block["type"] == "thinking" and block["signature"] != _signature(block["thinking"]):
            return "a `thinking` block in the conversation was modified"
    marks = json.dumps(body).count('"cache_control"')
    if marks > 4:
        return f"at most 4 blocks may have cache_control, found {marks}"
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    return None if sorted(called) == sorted(answered) else "`tool_use` blocks without `tool_result` blocks"


async def _sse(events: Sequence[Block], pace_s: float) -> AsyncIterator[str]:
    for event in events:
        await asyncio.sleep(pace_s)
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


def _events(reply: Streamed, model: str) -> list[Block]:
    usage = {"input_tokens": 10, "output_tokens": 1, **reply.usage}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    events: list[Block] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, block in enumerate(reply.content):
        events += _block_events(index, block)
    final = {"output_tokens": 20, **reply.final_usage}
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": final}, {"type": "message_stop"}]
    if reply.break_after is not None:
        events = events[: reply.break_after]
    return [*events, reply.error] if reply.error else events


def _block_events(index: int, block: Block) -> list[Block]:
    match block["type"]:
        case "text":
            opening, deltas = {"type": "text", "text": ""}, _pieces("text_delta", "text", block["text"])
        case "thinking":
            opening = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = _pieces("thinking_delta", "thinking", block["thinking"])
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "tool_use":
            opening = {**block, "input": {}}
            given = block["input"]
            arguments = given if isinstance(given, str) else json.dumps(given)
            deltas = _pieces("input_json_delta", "partial_json", arguments)
        case _:
            opening, deltas = block, []
    return [
        {"type": "content_block_start", "index": index, "content_block": opening},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _pieces(kind: str, name: str, whole: str) -> list[Block]:
    return [{"type": kind, name: whole[start : start + 7]} for start in range(0, len(whole), 7)]
