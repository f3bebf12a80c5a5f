"""The child process in which markup is cleaned and charts are drawn: one that needs too much is ended, and only it.

It reads requests from its standard input and writes replies to its standard output: a line of JSON, then the bytes
that the line counts.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import BinaryIO


def draw(spec: bytes) -> bytes:
    """A Vega-Lite spec (JSON) as a PNG: dark on white, and without anything that it would have to load."""
    import vl_convert

    picture: bytes = vl_convert.vegalite_to_png(
        json.dumps({**json.loads(spec), "background": "white"}), vl_version="v5.20", scale=1, allowed_base_urls=[]
    )
    return picture


def _html(untrusted: bytes) -> bytes:
    from .markup import clean_html

    return clean_html(untrusted.decode()).encode()


def _markdown(untrusted: bytes) -> bytes:
    from .markup import markdown_html

    return markdown_html(untrusted.decode()).encode()


def _svg(untrusted: bytes) -> bytes:
    import vl_convert

    from .svg import still

    picture: bytes = vl_convert.svg_to_png(still(untrusted.decode()))
    return picture


JOBS: dict[str, Callable[[bytes], bytes]] = {"html": _html, "markdown": _markdown, "chart": draw, "svg": _svg}


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more."""
    _reply(replies, True, b"")
    while line := requests.readline():
        asked = json.loads(line)
        body = requests.read(asked["size"])
        try:
            done, answer = True, JOBS[asked["job"]](body)
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            done, answer = False, f"{type(error).__name__}: {error}".encode()
        _reply(replies, done, answer)


def _reply(replies: BinaryIO, done: bool, body: bytes) -> None:
    replies.write(json.dumps({"done": done, "size": len(body)}).encode() + b"\n" + body)
    replies.flush()


def _limit(memory_mb: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 2**20, memory_mb * 2**20))


if __name__ == "__main__":
    # What a library prints must not become part of a reply.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(int(sys.argv[1]))
    serve(sys.stdin.buffer, replies)
