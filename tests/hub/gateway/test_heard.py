from __future__ import annotations

import json
from typing import Any

from interp_bench_ext.hub.gateway.heard import Heard, said_count


def line(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


START = line({"type": "message_start", "message": {"usage": {"input_tokens": 7, "cache_read_input_tokens": 30}}})
TEXT = line({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "höchst"}})
END = line({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}})


def test_a_stream_in_any_pieces():
    for size in (1, 7, 10_000):
        heard, whole = Heard(streamed=True), START + TEXT + END
        for start in range(0, len(whole), size):
            heard.take(whole[start : start + size])
        heard.end()
        assert heard.complete
        assert (heard.usage.prompt_tokens, heard.usage.output_tokens) == (37, 12)


def test_one_that_breaks_off_is_not_complete_and_its_text_was_counted():
    heard = Heard(streamed=True)
    heard.take(START + TEXT)
    heard.end()
    assert heard.begun
    assert not heard.complete
    assert heard.shown_bytes == len("text_delta") + len("höchst".encode())


def test_a_reply_in_one_piece():
    heard = Heard(streamed=False)
    whole = json.dumps({"stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}).encode()
    heard.take(whole[:10])
    heard.take(whole[10:])
    assert not heard.complete
    heard.end()
    assert heard.complete
    assert heard.usage.output_tokens == 2


def test_lines_that_are_no_events_are_passed_over():
    heard = Heard(streamed=True)
    heard.take(b'data: [DONE]\ndata: 7\ndata: {"type": "message_start", "message": 3}\n: ping\n' + START)
    assert heard.usage.prompt_tokens == 37


def test_a_count_that_is_none():
    assert said_count(b'{"input_tokens": 5}') == 5
    assert said_count(b'{"input_tokens": "5"}') is None
    assert said_count(b"nonsense") is None
