"""A loopback server that speaks the Messages API from a script, to drive the real SDK without a network.

It refuses what the API refuses, counts tokens, keeps a prompt cache, and cuts a reply off where the API would.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .accounting import PromptCache, prefixes, prompt_tokens, tokens_of

Block = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A reply in events, ``pace_s`` apart; ``break_after`` ends the stream after that many, then comes ``error``.

    Without ``usage`` and ``final_usage`` the server says what it has counted, and keeps to ``max_tokens``.
    """

    content: Sequence[Block] = ()
    stop_reason: str = "end_turn"
    usage: dict[str, int] = field(default_factory=dict)
    final_usage: dict[str, int] = field(default_factory=dict)
    forever: Block | None = None
    """An event that is sent again and again in place of the reply's end."""
    break_after: int | None = None
    error: Block | None = None
    pace_s: float = 0.0
    whole: bool = False
    """Sent as one message, by a server that ignores ``stream``."""
    stops: bool = True
    """Whether ``message_stop`` comes at the end."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An HTTP error."""

    status: int
    type: str = "api_error"
    message: str = "Try again."
    details: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """An HTTP answer as it is: JSON, or text where ``body`` is a string."""

    status: int
    body: Any
    media_type: str = "text/plain"

    def response(self) -> Response:
        if isinstance(self.body, str):
            return Response(self.body, status_code=self.status, media_type=self.media_type)
        return JSONResponse(self.body, status_code=self.status)


Answer = Streamed | Refused | Raw
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

    ``requests`` and ``headers`` hold what came in, ``counted`` what was only counted. A list is used up reply by
    reply; a request beyond its end is answered with status 400, which no client repeats.

    Args:
        script: What to answer.
        counts: Whether it has the endpoint that counts tokens, or what that answers instead of a count.
        window: Tokens of the model's context window.
        binds_thinking: Whether thinking is refused once what was before it has changed, as by the newest models.
    """

    def __init__(
        self, script: Script, *, counts: bool | Raw = True, window: int | None = None, binds_thinking: bool = False
    ) -> None:
        self._answers = script if callable(script) else None
        self._queue: Iterator[Answer] = iter(() if callable(script) else script)
        self.requests: list[dict[str, Any]] = []
        self.counted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.cache = PromptCache()
        self.dropped = 0
        """Thinking blocks that were left out because what was before them had changed."""
        self._window, self._binds, self._paused = window, binds_thinking, False
        # Without its protocol asyncio would leave Nagle's algorithm on, and each reply would wait 40 ms.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._counts = counts
        app = Starlette(routes=self.routes())
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def routes(self) -> list[Route]:
        counting = [Route("/v1/messages/count_tokens", self._count, methods=["POST"])] if self._counts else []
        return [Route("/v1/messages", self._messages, methods=["POST"]), *counting]

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _count(self, request: Request) -> Response:
        body = {**request.path_params, **await request.json()}
        self.counted.append(body)
        if isinstance(self._counts, Raw):
            return self._counts.response()
        problem = self._problem_of(body, request)
        if problem:
            return _error(Refused(status=400, type="invalid_request_error", message=problem))
        return JSONResponse({"input_tokens": prompt_tokens(body)})

    async def _messages(self, request: Request) -> Response:
        body = {**request.path_params, **await request.json()}
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        problem = self._problem_of(body, request) or self._overlong(body)
        if problem:
            return _error(Refused(status=400, type="invalid_request_error", message=problem))
        answer = self._answers(body) if self._answers else next(self._queue, _END)
        if isinstance(answer, Refused):
            return _error(answer)
        if isinstance(answer, Raw):
            return answer.response()
        self._paused = answer.stop_reason == "pause_turn"
        answer = self._accounted(answer, body)
        if answer.whole:
            return JSONResponse(_message(answer, body["model"]))
        events = _events(answer, body["model"])
        return StreamingResponse(_sse(events, answer.pace_s, answer.forever), media_type="text/event-stream")

    def _overlong(self, body: dict[str, Any]) -> str | None:
        tokens = prompt_tokens(body) if self._window else 0
        if self._window and tokens > self._window:
            return f"prompt is too long: {tokens} tokens > {self._window} maximum"
        return None

    def _problem_of(self, body: dict[str, Any], request: Request) -> str | None:
        problem = _problem(body)
        if problem is None and body["messages"][-1]["role"] != "user" and not self._paused:
            problem = "This model does not support assistant message prefill."
        return problem or (self._unbound(body, request) if self._binds else None)

    def _unbound(self, body: dict[str, Any], request: Request) -> str | None:
        """Leave out thinking whose past has changed, where the request asks for it; otherwise say so."""
        drops = body.get("thinking", {}).get("block_binding", {}).get("prefix_mismatch_behavior") == "drop_block"
        drops = drops and "thinking-binding-controls" in request.headers.get("anthropic-beta", "")
        for place, message in enumerate(body["messages"]):
            bound = _binding({**body, "messages": body["messages"][:place]})
            stale = [
                block
                for block in message["content"]
                if block["type"] == "thinking" and block["signature"].partition(":")[2] not in ("", bound)
            ]
            if stale and not drops:
                return "Invalid `signature` in `thinking` block. The block is bound to a different conversation."
            self.dropped += len(stale)
        return None

    def _accounted(self, answer: Streamed, body: dict[str, Any]) -> Streamed:
        if self._binds:
            bound = _binding(body)
            content = [
                {**block, "signature": f"{block['signature']}:{bound}"} if block["type"] == "thinking" else block
                for block in answer.content
            ]
            answer = replace(answer, content=content)
        if answer.usage or answer.final_usage:
            return answer
        usage = self.cache.account(body)
        room, stop_reason = body["max_tokens"], "max_tokens"
        if self._window and self._window - sum(usage.values()) < room:
            room, stop_reason = self._window - sum(usage.values()), "model_context_window_exceeded"
        content, used = _cut(answer.content, room)
        if used == room:
            answer = replace(answer, content=content, stop_reason=stop_reason)
        return replace(answer, usage={**usage, "output_tokens": 1}, final_usage={"output_tokens": used})


_END = Refused(status=400, type="invalid_request_error", message="The script is at its end.")


def _signature(thought: str) -> str:
    return hashlib.sha256(thought.encode()).hexdigest()


def _error(answer: Refused) -> JSONResponse:
    details = {"details": answer.details} if answer.details else {}
    body = {"type": "error", "error": {"type": answer.type, "message": answer.message, **details}}
    return JSONResponse(body, status_code=answer.status, headers=answer.headers)


def _binding(body: dict[str, Any]) -> str:
    """What stands for everything before a reply to ``body``."""
    return (list(prefixes(body)) or [("", 0, False)])[-1][0][:16]


def _cut(content: Sequence[Block], room: int) -> tuple[list[Block], int]:
    """The part of ``content`` that ``room`` tokens hold, and how many of them it takes."""
    kept: list[Block] = []
    used = 0
    for block in content:
        if used + tokens_of(block) <= room:
            kept.append(block)
            used += tokens_of(block)
            continue
        left = 4 * (room - used)
        match block["type"]:
            case "text" if left:
                kept.append({**block, "text": block["text"][:left]})
            case "tool_use" if left > 48:
                kept.append({**block, "input": json.dumps(block["input"])[: left - 48]})
        return kept, room
    return kept, used


_WITHOUT_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad\u3164]")


def _problem(body: dict[str, Any]) -> str | None:
    """What the API would refuse."""
    messages = body["messages"]
    blocks = [block for message in messages for block in message["content"]]
    if body.get("max_tokens", 1) < 1:
        return "max_tokens: must be greater than or equal to 1"
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    if not all(message["content"] for message in messages):
        return "all messages must have non-empty content"
    results = [block["content"] for block in blocks if block["type"] == "tool_result"]
    parts = [part for content in results if not isinstance(content, str) for part in content]
    texts = [block["text"] for block in (*blocks, *parts) if block["type"] == "text"]
    if not all(texts):
        return "text content blocks must be non-empty"
    if not all(_WITHOUT_WIDTH.sub("", text).strip() for text in texts):
        return "text content blocks must contain non-whitespace text"
    for block in blocks:
        if block["type"] == "thinking" and block["signature"].partition(":")[0] != _signature(block["thinking"]):
            return "a `thinking` block in the conversation was modified"
    marks = json.dumps(body).count('"cache_control"')
    if marks > 4:
        return f"at most 4 blocks may have cache_control, found {marks}"
    return _unanswered(messages)


def _unanswered(messages: Sequence[dict[str, Any]]) -> str | None:
    """Every tool call needs its result at the beginning of the next turn, and every result its call."""
    for before, message in pairwise([{"role": "", "content": []}, *messages, {"role": "", "content": []}]):
        if before["role"] == message["role"]:
            return "roles must alternate"
        called = [block["id"] for block in before["content"] if block["type"] == "tool_use"]
        kinds = [block["type"] == "tool_result" for block in message["content"]]
        answered = [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]
        if sorted(called) != sorted(answered):
            return "`tool_use` blocks without `tool_result` blocks"
        if kinds != sorted(kinds, reverse=True):
            return "`tool_result` blocks must come first"
    return None


async def _sse(events: Sequence[Block], pace_s: float, forever: Block | None) -> AsyncIterator[str]:
    for event in events:
        await asyncio.sleep(pace_s)
        if forever and event["type"] == "message_delta":
            break
        yield _line(event)
    while forever:
        await asyncio.sleep(pace_s)
        yield _line(forever)


def _line(event: Block) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


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
    events += [{"type": "message_delta", "delta": delta, "usage": final}]
    events += [{"type": "message_stop"}] if reply.stops else []
    if reply.break_after is not None:
        events = events[: reply.break_after]
    return [*events, reply.error] if reply.error else events


def _message(reply: Streamed, model: str) -> Block:
    usage = {"input_tokens": 10, "output_tokens": 20, **reply.usage, **reply.final_usage}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": list(reply.content),
        "stop_reason": reply.stop_reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip


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
