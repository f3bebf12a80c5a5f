"""A host that speaks the real protocol over a real Unix socket and has a technique for each thing that can happen."""

from __future__ import annotations

import contextlib
import json
import socketserver
import struct
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np

from interp_bench_ext.contracts import Access, Connection, Parameter, TechniqueSpec
from interp_bench_ext.results import Result, TokenDiff, encode

from ..results import samples

TOKEN = "secret-token"
BIG = 4_423_680
"""Float32 values in the large array: 16.9 MiB."""


def spec(
    name: str, *parameters: tuple[str, str, str | None], access: Access = Access.SAMPLE, magic: str = ""
) -> TechniqueSpec:
    listed = tuple(Parameter(name=n, type=t, default=d, help=f"The {n}, 100 % of it.") for n, t, d in parameters)
    return TechniqueSpec(
        name=name,
        summary=f"What {name} does.",
        doc=f"What {name} does.\n\nAt length, 50 % of it.\n\nMagic: {magic}",
        access=access,
        parameters=listed,
    )


STYLE = ("style", "Literal['plain', 'formal']", "'plain'")
SPECS = [
    spec("chat", ("prompts", "Prompts", None), ("n", "int", "1"), ("temperature", "float", "1.0"), STYLE),
    spec(
        "prefill_attack",
        ("prompts", "Prompts", None),
        ("prefills", "Sequence[str]", None),
        ("n", "int", "1"),
        magic="prefill",
    ),
    spec(
        "logit_lens",
        ("prompt", "str", None),
        ("raw", "bool", "False"),
        ("target", "str | None", "None"),
        ("layers", "Sequence[int] | None", "None"),
        access=Access.ACTIVATIONS,
        magic="lens",
    ),
    spec(
        "analyze_token_probs",
        ("prompts", "Prompts", None),
        ("targets", "Sequence[str]", "()"),
        access=Access.LOGITS,
        magic="probs",
    ),
    spec("get_model_info", magic="info"),
    spec("big"),
    spec("slow"),
    spec("fails"),
    spec("vanishes"),
    spec("nonsense"),
    spec("my_method", ("word_list", "list[str]", "()"), ("scale", "float", "0.5")),
]


class Host:
    """The stub; ``calls`` are the bodies it got, ``cut_off`` is set when a caller went away in the middle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls: list[dict] = []
        self.cut_off = threading.Event()
        self.started = threading.Event()
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    @property
    def connection(self) -> Connection:
        return Connection(f"unix://{self.path}", TOKEN)

    def start(self) -> Host:
        host = self

        class Handler(_Handler):
            pass

        Handler.host = host
        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.path.unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: Host

    def address_string(self) -> str:
        return "kernel"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._json({"code": "unauthorized", "message": "This access to the organism has ended."}, 401)
        elif self.path == "/techniques":
            self._json([{**asdict(entry), "signature": entry.signature} for entry in SPECS])
        elif self.path == "/health":
            self._json({"state": "ready", "device": "cpu"})
        else:
            self._json({"code": "bad_input", "message": "There is no such page."}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.host.calls.append(body)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            getattr(self, f"_{body['technique']}", self._answer)(body)
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.host.cut_off.set()
        self.close_connection = True

    def _json(self, content: object, status: int = 200) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a refused caller does not stay to read why
            self.wfile.write(payload)

    def _write(self, *parts: bytes | memoryview) -> None:
        for part in parts:
            self.wfile.write(f"{len(part):x}\r\n".encode())
            self.wfile.write(part)
            self.wfile.write(b"\r\n")

    def _frame(self, kind: bytes, content: object) -> None:
        payload = json.dumps(content).encode()
        self._write(struct.pack(">cQ", kind, len(payload)) + payload)

    def _result(self, result: Result) -> None:
        header, parts = encode(result)
        self._frame(b"H", header)
        self._write(struct.pack(">cQ", b"B", header["nbytes"]), *(part for part in parts if part.nbytes))

    def _answer(self, body: dict) -> None:
        self._frame(b"P", {"stage": "sampling", "done": 1, "total": 2})
        self._result(samples.generations((json.dumps(body["arguments"]),)))

    def _logit_lens(self, _: dict) -> None:
        self._result(samples.lens_grid())

    def _get_model_info(self, _: dict) -> None:
        self._result(samples.info())

    def _big(self, _: dict) -> None:
        small = samples.token_diff()
        self._result(TokenDiff(**{**small.__dict__, "kl": np.arange(BIG, dtype=np.float32)}))

    def _fails(self, _: dict) -> None:
        self._frame(b"E", {"code": "out_of_memory", "message": "The call did not fit in memory: ask for fewer texts."})

    def _vanishes(self, _: dict) -> None:
        self._frame(b"P", {"stage": "sampling", "done": 1, "total": 2})
        self._write(b"H\x00")
        self.connection.close()
        raise BrokenPipeError

    def _nonsense(self, _: dict) -> None:
        self._frame(b"H", {"type": "Pickle", "nbytes": 3})
        self._write(struct.pack(">cQ", b"B", 3), b"abc")

    def _slow(self, _: dict) -> None:
        self.host.started.set()
        for step in range(2000):
            self._frame(b"P", {"stage": "sampling <b>", "done": step, "total": 2000})
            time.sleep(0.01)
