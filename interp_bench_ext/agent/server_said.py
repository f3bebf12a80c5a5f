"""What a server says of a request that it refuses, in whichever shape it says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anthropic

_TOO_LONG = re.compile(
    # Anthropic, Bedrock, Ollama
    r"(prompt|input)( is)? too long"
    # Anthropic, llama.cpp, OpenAI, vLLM, SGLang, LM Studio, LiteLLM; their codes are written with underscores
    r"|context.{0,3}(length|limit|window|size)"
    r"|exceeds? (the |your )?(maximum )?context"
    # vLLM's other wording, Hugging Face's and Google's
    r"|(longer than|exceeds?) the (maximum )?(model|input|sequence)"
    r"|token count.{0,40} exceeds"
    r"|maximum (model|sequence|prompt|input) length"
    # Groq
    r"|reduce the length of the (messages|prompt|input)",
    re.I,
)
_NO_CREDIT = re.compile(r"credit balance|usage limits|insufficient.(quota|funds|balance)|(current|your) quota", re.I)
_KEY_LIKE = re.compile(r"sk-[A-Za-z0-9_-]{6,}|(?i:bearer\s+\S+)|\bA(?:KIA|SIA)[A-Z0-9]{12,}")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.I | re.S)
_LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class Said:
    """A server's answer to a request that it did not carry out."""

    sentence: str = ""
    """Its own words in one line, without keys and without a full stop; empty where it gave none."""
    codes: str = ""
    """The types and codes that it names."""

    @classmethod
    def by(cls, failure: anthropic.APIStatusError) -> Said:
        words = _KEY_LIKE.sub("…", " ".join((_words(failure.body) or "").split()))[:_LONGEST].rstrip(". ")
        return cls(sentence=words, codes=" ".join(_codes(failure.body)))

    @property
    def too_long(self) -> bool:
        """Whether the conversation does not fit into the model's context."""
        return bool(_TOO_LONG.search(f"{self.sentence} {self.codes}"))

    @property
    def no_credit(self) -> bool:
        """Whether what was paid for is used up, which no waiting mends."""
        return bool(_NO_CREDIT.search(f"{self.sentence} {self.codes}"))

    @property
    def text(self) -> str:
        """Its own words, or that there were none, as the end of a sentence."""
        said = self.sentence or "no reason given"
        return said if said.endswith(("?", "!")) else f"{said}."


def _words(body: Any) -> str | None:
    """The sentence in ``body``: ``error.message`` as of Anthropic and OpenAI, FastAPI's ``detail``, text, a page."""
    match body:
        case {"error": {"message": str(said)}} | {"error": str(said)} | {"message": str(said)}:
            return said
        case {"detail": list(problems)}:
            return "; ".join(filter(None, map(_problem, problems)))
        case {"detail": detail} | {"error": detail}:
            return _words(detail)
        case str():
            title = _TITLE.search(body)
            return title[1] if title else body
    return None


def _problem(problem: Any) -> str | None:
    """One of FastAPI's problems: where it is, and what."""
    match problem:
        case {"loc": list(place), "msg": str(said)}:
            return f"{'.'.join(map(str, place))}: {said}"
    return _words(problem)


def _codes(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name in ("type", "code", "error_code") and isinstance(value, str):
                yield value
            elif name in ("error", "details", "detail"):
                yield from _codes(value)
