from __future__ import annotations

import json
from typing import Any

import pytest

from interp_bench_ext.hub.gateway.asked import Asked, Unasked, charge_of, counting_body
from interp_bench_ext.models.prices import Price
from interp_bench_ext.models.usage import Usage

PRICE = Price(input=4, output=20, cache_read=0.4, cache_write=5)


def body(**more: Any) -> bytes:
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}]
    return json.dumps({"model": "m", "max_tokens": 100, "messages": messages, **more}).encode()


def with_block(block: dict[str, Any]) -> bytes:
    return body(messages=[{"role": "user", "content": [block]}])


def test_the_bound_of_a_prompt_is_its_bytes_and_what_pictures_can_take():
    plain = body()
    assert Asked.of(plain).bounded_by_bytes == len(plain)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    shown = body(messages=[{"role": "user", "content": [{"type": "tool_result", "content": [image, image]}]}])
    assert Asked.of(shown).bounded_by_bytes == len(shown) + 10_000


def test_what_the_provider_says_of_tools_before_a_prompt_is_in_its_bound():
    tools = [{"name": "t", "input_schema": {}}]
    assert Asked.of(body(tools=tools)).bounded_by_bytes >= len(body(tools=tools)) + 1000


def test_the_most_is_a_prompt_that_is_written_to_the_cache_and_the_longest_reply():
    most = Asked.of(body()).most(1000, PRICE)
    assert most.tokens == 1100
    assert most.usd == pytest.approx((1000 * 5 + 100 * 20) / 1e6)


def test_a_charge_counts_cached_tokens_at_their_price():
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=100, cache_write_tokens=20)
    charge = charge_of(usage, PRICE)
    assert charge.tokens == 135
    assert charge.usd == pytest.approx((10 * 4 + 5 * 20 + 100 * 0.4 + 20 * 5) / 1e6)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"nonsense", "not a request"),
        (b"[" * 100_000, "not a request"),
        (body(max_tokens="many"), "not a request"),
        (body(service_tier="priority"), "'service_tier'"),
        (body(mcp_servers=[{"url": "https://elsewhere"}]), "'mcp_servers'"),
        (body(container="abc"), "'container'"),
        (body(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "'web_search_20250305'"),
        (body(tools=[{"type": "computer_20250124", "name": "c", "input_schema": {}}]), "tools of the provider's own"),
        (with_block({"type": "document", "source": {"type": "base64", "data": ""}}), "'document'"),
        (with_block({"type": "image", "source": {"type": "url", "url": "https://elsewhere"}}), "addresses"),
        (
            with_block({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
            "five minutes",
        ),
        (with_block({"type": "tool_result", "content": [{"type": "search_result"}]}), "'search_result'"),
        (with_block({"type": "document", "role": "user", "source": {"type": "base64", "data": ""}}), "'document'"),
        (body(cache_control={"type": "ephemeral", "ttl": "1h"}), "five minutes"),
        (body(messages=["Hello."]), "not a request"),
        (body()[:-1] + b', "max_tokens": 1}', "not a request"),
    ],
)
def test_what_would_cost_more_than_is_counted_is_not_passed_on(raw: bytes, said: str):
    with pytest.raises(Unasked, match=said.replace("'", ".")):
        Asked.of(raw)


def test_what_agents_send_is_passed_on():
    tools = [{"name": "run_cell", "description": "d", "input_schema": {"type": "object"}}]
    turns = [
        {"role": "user", "content": "Plain text."},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "…", "signature": "s"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "text"}]},
    ]
    asked = Asked.of(body(messages=turns, tools=tools, stream=True, thinking={"type": "adaptive"}, system="S"))
    assert asked.thinks


def test_a_request_for_the_length_has_the_prompt_only():
    counted = json.loads(counting_body(body(stream=True, temperature=1, system="S")))
    assert set(counted) == {"model", "messages", "system"}
