"""Has a limited child process do what hostile input could make endless: clean HTML and Markdown, draw charts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_START_S = 60.0
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG")
_MARKUP_S, _MARKUP_MB = 1.0, 512
_CHART_S, _CHART_MB = 10.0, 1024
_REASON_CHARACTERS = 200


class LeftOut(Exception):
    """An output cannot be shown; the text says why, in a few words."""


class _Ended(LeftOut):
    """The child is no more."""


class Cleaner:
    """One child process, started when it is first needed and again after it was ended; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cleaner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def html(self, untrusted: str) -> str:
        """Clean HTML, see :func:`~.markup.clean_html`. Raises LeftOut."""
        return self._markup("html", untrusted)

    def markdown(self, untrusted: str) -> str:
        """Clean HTML of Markdown. Raises LeftOut."""
        return self._markup("markdown", untrusted)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _markup(self, job: str, untrusted: str) -> str:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._process = _start(_MARKUP_MB)
            try:
                return _ask(self._process, job, untrusted.encode("utf-8", "replace"), _MARKUP_S).decode()
            except _Ended:
                self._end()
                raise

    def _end(self) -> None:
        if self._process is not None:
            _end(self._process)
        self._process = None


def draw_chart(spec: dict[str, Any]) -> bytes:
    """A Vega-Lite spec as a PNG, drawn in a child process of its own. Raises LeftOut."""
    return _drawn("chart", json.dumps(spec))


def draw_svg(untrusted: str) -> bytes:
    """An SVG as a PNG, without what it would load, drawn likewise. Raises LeftOut."""
    return _drawn("svg", untrusted)


def _drawn(job: str, source: str) -> bytes:
    process = _start(_CHART_MB)
    try:
        return _ask(process, job, source.encode("utf-8", "replace"), _CHART_S)
    finally:
        _end(process)


def _start(memory_mb: int) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", f"{__package__}.worker", str(memory_mb)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(_PACKAGE_ROOT)},
    )
    try:
        _receive(process, _START_S)
    except LeftOut:
        _end(process)
        raise
    return process


def _ask(process: subprocess.Popen[bytes], job: str, body: bytes, deadline_s: float) -> bytes:
    assert process.stdin is not None
    with _deadline(process, deadline_s):
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps({"job": job, "size": len(body)}).encode() + b"\n" + body)
            process.stdin.flush()
        return _answer(process, deadline_s)


def _receive(process: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    with _deadline(process, deadline_s):
        return _answer(process, deadline_s)


def _answer(process: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise _Ended(f"it takes more than {deadline_s:g} s or too much memory")
    said = json.loads(line)
    body = process.stdout.read(said["size"])
    if not said["done"]:
        raise LeftOut(" ".join(body.decode("utf-8", "replace").split())[:_REASON_CHARACTERS])
    return body


class _deadline:
    """Ends the child when the time is over; whoever reads from it finds the end of its output."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._timer = threading.Timer(seconds, process.kill)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
