"""What is asked about thinking, and what becomes of it where a server refuses."""

from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.errors import ProviderError

from .dialects import FASTAPI_REFUSAL, asked_of, lacks
from .messages_server import Answer, MessagesServer, Raw, Streamed, text, thinking


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ("auto", {"type": "adaptive", "display": "summarized"}),
        ("adaptive", {"type": "adaptive", "display": "summarized"}),
        ("enabled", {"type": "enabled", "budget_tokens": 2_500}),
        ("off", None),
    ],
)
def test_what_the_config_says_of_thinking_is_what_is_asked(how: Any, sent: dict[str, Any] | None) -> None:
    with MessagesServer([Streamed(content=[text("Yes.")])]) as server:
        events, _ = asked_of(server, thinking=how)
    assert server.requests[0].get("thinking") == sent
    assert lacks(events) == {}


def test_a_refusal_of_thinking_is_told_in_the_servers_own_words() -> None:
    def script(request: dict[str, Any]) -> Answer:
        return FASTAPI_REFUSAL if "thinking" in request else Streamed(content=[text("Yes.")])

    with MessagesServer(script) as server:
        events, [reply] = asked_of(server)
        said = lacks(events)["thinking"]
    assert reply.content == [text("Yes.")]
    assert said == (
        f"The server at {server.url} refused the request: body.thinking.type: Input should be 'enabled' or 'disabled'."
        " It answers without thinking, which it is not asked for any more."
    )


def test_where_thinking_has_worked_a_refusal_is_about_something_else() -> None:
    answers = [Streamed(content=[thinking("Hm."), text("Yes.")]), Raw(400, "no"), Streamed(content=[text("Never.")])]
    with MessagesServer(answers) as server, pytest.raises(ProviderError, match=r"refused the request: no\.$"):
        asked_of(server, times=2)
    assert len(server.requests) == 2


def test_a_server_that_refuses_everything_is_asked_twice_and_quoted() -> None:
    with MessagesServer(lambda request: Raw(400, "no such thing")) as server:
        with pytest.raises(ProviderError, match=r"refused the request: no such thing\.$"):
            asked_of(server)
        assert len(server.requests) == 2
