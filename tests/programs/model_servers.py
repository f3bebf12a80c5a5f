"""The three APIs that the programs' models are behind, on loopback, with decisions that were written down beforehand.

Each reply follows from the conversation that comes with its request, so a program may ask again, or ask on the side.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Call = tuple[str, dict[str, Any]]
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
"""What each reply says that it took."""
LAST_WORD = "That is all."
_SAID = "I look at call {number}."


@dataclass
class Scripted:
    """A model that makes ``calls`` one by one, then says :data:`LAST_WORD`."""

    calls: Sequence[Call]
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of those that offered tools, in order."""
    refuses: int = 0
    """A status that every request is answered with, if any."""
    url: str = ""

    def next_call(self, answered: int) -> Call | None:
        return self.calls[answered] if answered < len(self.calls) else None


def anthropic(model: Scripted, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The Messages API's stream for a request: names of events with their data."""
    blocks = [b for m in body["messages"] if isinstance(m["content"], list) for b in m["content"]]
    answered = sum(block["type"] == "tool_result" for block in blocks)
    call = model.next_call(answered) if body.get("tools") else None
    text = LAST_WORD if call is None else _SAID.format(number=answered + 1)
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if call is not None:
        name = f"mcp__interp-bench__{call[0]}"
        content.append({"type": "tool_use", "id": f"toolu_{answered}", "name": name, "input": call[1]})
    usage = {"input_tokens": INPUT_TOKENS, "output_tokens": 1}
    message = {"id": f"msg_{answered}", "type": "message", "role": "assistant", "model": body["model"]}
    started = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events = [("message_start", {"type": "message_start", "message": started})]
    for index, block in enumerate(content):
        events += _block(index, block)
    ended = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    delta = {"type": "message_delta", "delta": ended, "usage": {"output_tokens": OUTPUT_TOKENS}}
    return [*events, ("message_delta", delta), ("message_stop", {"type": "message_stop"})]


def _block(index: int, block: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if block["type"] == "text":
        empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        empty, delta = (
            {**block, "input": {}},
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
        )
    return [
        ("content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}),
        ("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}),
        ("content_block_stop", {"type": "content_block_stop", "index": index}),
    ]


def responses(model: Scripted, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """OpenAI's Responses API, likewise."""
    answered = sum(item.get("type") == "function_call_output" for item in body["input"])
    call = model.next_call(answered) if body.get("tools") else None
    text = LAST_WORD if call is None else _SAID.format(number=answered + 1)
    said = [{"type": "output_text", "text": text, "annotations": []}]
    items: list[dict[str, Any]] = [{"type": "message", "id": f"m{answered}", "role": "assistant", "content": said}]
    if call is not None:
        items.append(
            {
                "type": "function_call",
                "id": f"f{answered}",
                "call_id": f"call_{answered}",
                "namespace": "mcp__interp_bench",
                "name": call[0],
                "arguments": json.dumps(call[1]),
            }
        )
    usage = {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    response = {"id": f"resp_{answered}", "object": "response", "model": body["model"], "output": items}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"type": "response.created", "response": {**response, "output": []}})
    ]
    for index, item in enumerate(items):
        done = {"type": "response.output_item.done", "output_index": index, "item": item}
        events.append(("response.output_item.done", done))
    whole = {**response, "status": "completed", "usage": usage}
    return [*events, ("response.completed", {"type": "response.completed", "response": whole})]


def gemini(model: Scripted, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Google's generateContent: the chunks of a stream, of which there is one."""
    parts = [part for turn in body["contents"] for part in turn.get("parts", ())]
    answered = sum("functionResponse" in part for part in parts)
    call = model.next_call(answered) if body.get("tools") else None
    said: list[dict[str, Any]] = [{"text": LAST_WORD if call is None else _SAID.format(number=answered + 1)}]
    if call is not None:
        said.append({"functionCall": {"name": f"mcp_interp-bench_{call[0]}", "args": call[1]}})
    usage = {
        "promptTokenCount": INPUT_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    candidate = {"content": {"role": "model", "parts": said}, "finishReason": "STOP", "index": 0}
    return [{"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-scripted"}]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Scripted

    def do_GET(self) -> None:
        self._send(200, "application/json", json.dumps({"data": [], "models": []}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(raw or b"{}")
        if self.model.refuses:
            refused = {"type": "error", "error": {"type": "authentication_error", "message": "no such key"}}
            self._send(self.model.refuses, "application/json", json.dumps(refused))
            return
        if body.get("tools"):
            self.model.requests.append(body)
        self._answer(body)

    def _answer(self, body: dict[str, Any]) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/v1/messages"):
            self._stream(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in anthropic(self.model, body))
        elif path.endswith("/responses"):
            self._stream(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in responses(self.model, body))
        elif path.endswith(":streamGenerateContent"):
            self._stream(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in gemini(self.model, body))
        elif path.endswith(":generateContent"):
            self._send(200, "application/json", json.dumps(gemini(self.model, body)[0]))
        elif path.endswith("countTokens") or path.endswith("count_tokens"):
            self._send(200, "application/json", json.dumps({"totalTokens": INPUT_TOKENS, "input_tokens": INPUT_TOKENS}))
        else:
            self._send(200, "application/json", "{}")

    def _stream(self, events: Iterator[str]) -> None:
        self._send(200, "text/event-stream", "".join(events))

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        del format, arguments


@contextmanager
def serving(calls: Sequence[Call], *, refuses: int = 0) -> Iterator[Scripted]:
    """A model's server on loopback, for all three APIs."""
    model = Scripted(calls, refuses=refuses)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": model}))
    model.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
