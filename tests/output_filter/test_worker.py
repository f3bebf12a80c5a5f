from __future__ import annotations

import io
import json

from interp_bench_ext.output_filter.worker import serve


def asked(*jobs: tuple[str, bytes]) -> list[tuple[bool, bytes]]:
    """Whether each job was done, and its answer; the first line says that the worker is ready."""
    requests = io.BytesIO(
        b"".join(json.dumps({"job": job, "size": len(body)}).encode() + b"\n" + body for job, body in jobs)
    )
    replies = io.BytesIO()
    serve(requests, replies)
    replies.seek(0)
    found = []
    while line := replies.readline():
        about = json.loads(line)
        found.append((about["done"], replies.read(about["size"])))
    assert found[0] == (True, b"")
    return found[1:]


def test_bodies_are_told_apart_by_their_size():
    assert asked(("html", b"<b>x\n</b>"), ("html", b""), ("markdown", "*é*".encode())) == [
        (True, b"<b>x\n</b>"),
        (True, b""),
        (True, "<p><em>é</em></p>\n".encode()),
    ]


def test_a_job_that_cannot_be_done_says_why_and_the_next_is_done():
    failed, next_one = asked(("chart", b"{"), ("html", b"x"))
    assert not failed[0]
    assert failed[1].startswith(b"JSONDecodeError: ")
    assert next_one == (True, b"x")
    assert asked(("html", b"\xff"))[0][1].startswith(b"UnicodeDecodeError: ")


def test_a_chart_is_a_picture():
    spec = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
    [(done, picture)] = asked(("chart", json.dumps(spec).encode()))
    assert done
    assert picture.startswith(b"\x89PNG")
