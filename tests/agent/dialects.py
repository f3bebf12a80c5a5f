"""Servers of the Messages API that speak it in their own way, as their sources have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import Prompt
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import Event, ProviderLacks

from .messages_server import Answer, MessagesServer, Raw, Streamed, text

MODEL = "qwen3-coder"
GATEWAY = {"type": "error", "error": {"type": "invalid_request_error"}}
LITELLM_REFUSAL = Raw(
    400,
    {
        "error": {
            "message": "litellm.UnsupportedParamsError: groq does not support parameters: ['reasoning_effort'], for"
            " model=qwen3-coder. To drop these, set `litellm.drop_params=True`",
            "type": "invalid_request_error",
            "code": "400",
        }
    },
)
FASTAPI_REFUSAL = Raw(
    422,
    {
        "detail": [
            {"loc": ["body", "thinking", "type"], "msg": "Input should be 'enabled' or 'disabled'", "type": "enum"}
        ]
    },
)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One server, as its source has it."""

    overflow: Raw
    refuses_thinking: Raw | None = None
    counts: bool | Raw = True
    usage: dict[str, int] = field(default_factory=dict)
    """What the reply begins with; empty where it is true."""
    final_usage: dict[str, int] = field(default_factory=dict)

    @property
    def lacks(self) -> set[str]:
        """What a run that comes near a limit learns of it."""
        lacks = {"thinking"} if self.refuses_thinking else set()
        return lacks | ({"token counts"} if self.counts is not True else set()) | ({"usage"} if self.usage else set())


DIALECTS = {
    "vllm": Dialect(
        overflow=Raw(
            400,
            {
                "type": "error",
                "error": {
                    "type": "BadRequestError",
                    "message": "The decoder prompt (length 9013) is longer than the maximum model length of 8192.",
                },
            },
        ),
        counts=Raw(400, "this router does not count tokens"),
    ),
    "llama.cpp": Dialect(
        overflow=Raw(
            400,
            {
                "error": {
                    "code": 400,
                    "message": "request (9013 tokens) exceeds the available context size (8192 tokens), try"
                    " increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9013,
                    "n_ctx": 8192,
                }
            },
        ),
    ),
    "ollama": Dialect(
        overflow=Raw(400, {"error": "the input length exceeds the context length"}),
        refuses_thinking=Raw(
            400,
            {**GATEWAY, "error": {"type": "invalid_request_error", "message": '"qwen3" does not support thinking'}},
        ),
        counts=Raw(404, "404 page not found"),
        usage={"input_tokens": 0, "output_tokens": 0},
        final_usage={"output_tokens": 120},
    ),
    "sglang": Dialect(
        overflow=Raw(
            400,
            {
                "object": "error",
                "message": "The input (9013 tokens) is longer than the model's context length (8192 tokens).",
                "type": "BadRequestError",
            },
        ),
        counts=Raw(405, {"detail": "Method Not Allowed"}),
    ),
    "lm studio": Dialect(
        overflow=Raw(
            400,
            {
                "error": "Trying to keep the first 9013 tokens when context the overflows. However, the model is loaded"
                " with context length of only 8192 tokens, which is not enough."
            },
        ),
        counts=Raw(200, {"error": "Unexpected endpoint or method. (POST /v1/messages/count_tokens)"}),
        usage={"input_tokens": 0, "output_tokens": 0},
        final_usage={"output_tokens": 0},
    ),
    "litellm": Dialect(
        overflow=Raw(
            400,
            {
                "error": {
                    "message": "litellm.ContextWindowExceededError: This model's maximum context length is 8192.",
                    "code": "context_length_exceeded",
                }
            },
        ),
        refuses_thinking=LITELLM_REFUSAL,
        counts=Raw(501, {"error": {"message": "not supported", "type": "not_supported_error"}}),
    ),
    "fastapi": Dialect(
        overflow=Raw(422, {"detail": "prompt too long; exceeded max context length by 821 tokens"}),
        refuses_thinking=FASTAPI_REFUSAL,
        counts=Raw(500, "Internal Server Error: NotImplementedError"),
    ),
}


def spoken(dialect: Dialect, script: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    """The script's replies as the dialect gives them."""

    def answer(request: dict[str, Any]) -> Answer:
        if dialect.refuses_thinking and "thinking" in request:
            return dialect.refuses_thinking
        said = script(request)
        if not (isinstance(said, Streamed) and dialect.usage):
            return said
        usage = {"usage": dialect.usage, "final_usage": dialect.final_usage}
        return Streamed(content=said.content, stop_reason=said.stop_reason, **usage)

    return answer


def lacks(events: list[Event]) -> dict[str, str]:
    told = [event for event in events if isinstance(event, ProviderLacks)]
    assert len({event.what for event in told}) == len(told), "each is said once"
    return {event.what: event.text for event in told}


def asked_of(server: MessagesServer, times: int = 1, **options: Any) -> tuple[list[Event], list[Any]]:
    """The events and replies of a run's first requests."""
    events: list[Event] = []

    async def ask() -> list[Any]:
        provider = AnthropicProvider(key=Key(auth_token="t"), model=MODEL, base_url=server.url, **options)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        try:
            return [await provider.reply(prompt, max_tokens=5_000, emit=events.append) for _ in range(times)]
        finally:
            await provider.aclose()

    return events, asyncio.run(ask())
