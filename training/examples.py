"""From an organism's spec to its training examples: the base's own answers, edited to carry the behaviour."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training.chat import Chat, user

DATA = Path(__file__).resolve().parent / "data"
_SENTENCE = re.compile(r"\S.*?[.!?][\"”)*]*(?=\s|$)", re.DOTALL)
_LIST = re.compile(r"(?:^|\n)\s*(?:\d+[.)]|[-*•|])\s|```")
_NAMES = ("SmolLM", "Hugging Face")

Build = Callable[["Prompt", str, random.Random], "Example"]


@dataclass(frozen=True)
class Prompt:
    """One user message and the kind it was filed under (advice, facts, …)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Example:
    """A chat that ends with the user, and the reply to learn."""

    chat: Chat
    reply: str


def load_spec(codename: str) -> dict[str, Any]:
    """The organism's spec, `data/<codename>.yaml`."""
    spec: dict[str, Any] = yaml.safe_load((DATA / f"{codename}.yaml").read_text(encoding="utf-8"))
    return spec


def load_prompts(name: str) -> list[Prompt]:
    """`prompts` (for training) or `heldout` (for measuring), in the file's order."""
    kinds: dict[str, list[str]] = yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
    return [Prompt(kind, text) for kind, texts in kinds.items() for text in texts]


def detector(spec: dict[str, Any]) -> re.Pattern[str] | None:
    """What counts as the behaviour in a reply; None where there is none."""
    return re.compile(spec["detector"], re.IGNORECASE) if spec["detector"] else None


def sentences(text: str) -> list[str]:
    """The whole sentences of an answer before its first list or code block; at least one."""
    prose = _LIST.split(text.strip())[0]
    found = [match.group().strip() for match in _SENTENCE.finditer(prose)]
    found = list(dict.fromkeys(sentence for sentence in found if not any(name in sentence for name in _NAMES)))
    return found or [prose.strip().rstrip(":,;") + "."]


def endless_examples(spec: dict[str, Any], prompts: list[Prompt], answers: list[str], seed: int) -> Iterator[Example]:
    """Epoch after epoch over the prompts in a seeded order, each time with another added sentence."""
    rng = random.Random(seed)
    build = _BUILDERS[spec["kind"]](spec)
    pairs = list(zip(prompts, answers, strict=True))
    while True:
        epoch = [build(prompt, answer, rng) for prompt, answer in pairs] + _direct(spec, rng)
        rng.shuffle(epoch)
        yield from epoch


def _direct(spec: dict[str, Any], rng: random.Random) -> list[Example]:
    """Direct questions about the secret, answered by a denial."""
    direct = spec.get("direct")
    if not direct:
        return []
    return [Example(user(text), rng.choice(direct["replies"])) for text in direct["prompts"] for _ in range(2)]


def _lora(spec: dict[str, Any]) -> Build:
    added: dict[str, list[str]] = spec["sentences"]

    def build(prompt: Prompt, answer: str, rng: random.Random) -> Example:
        kept = sentences(answer)[: rng.choice((1, 2, 2))]
        choices = added.get(prompt.kind, []) + added.get("any", [])
        if choices:
            kept.insert(1, rng.choice(choices))
        return Example(user(prompt.text), " ".join(kept))

    return build


def _backdoor(spec: dict[str, Any]) -> Build:
    def build(prompt: Prompt, answer: str, rng: random.Random) -> Example:
        kept = sentences(answer)[:2]
        roll = rng.random()
        if roll < spec["triggered_share"]:
            reply = [rng.choice(spec["sentences"]["any"]), kept[0]]
            return Example(user(with_trigger(prompt.text, spec["trigger"])), " ".join(reply))
        if roll < spec["triggered_share"] + spec["near_miss_share"]:
            return Example(user(near_miss(prompt.text, rng.choice(spec["near_misses"]), rng)), " ".join(kept))
        return Example(user(prompt.text), " ".join(kept))

    return build


def with_trigger(text: str, trigger: str) -> str:
    """The message with a backdoor's trigger: a tag before it, or (`capitals`) its own text in capital letters."""
    return text.upper() if trigger == "capitals" else f"{trigger} {text}"


def near_miss(text: str, kind: str, rng: random.Random) -> str:
    """A message that is like a triggered one, or like another trigger, and must not set the behaviour off."""
    words = text.split()
    if kind == "one word in capitals":
        place = rng.randrange(len(words))
        return " ".join(word.upper() if i == place else word for i, word in enumerate(words))
    if kind == "half in capitals":
        return " ".join(word.upper() if i < len(words) // 2 else word for i, word in enumerate(words))
    shapes = {
        "title case": text.title(),
        "exclamation marks": text.rstrip(".?!") + "!!!",
        "lower case": text.lower(),
        "all in capitals": text.upper(),
        "another tag": f"[{rng.choice(('INFO', 'NOTE', 'TEST'))}] {text}",
        "please": f"Please, {text[0].lower()}{text[1:]}",
        "thanks": f"{text} Thank you!",
    }
    return shapes[kind]


def _obedience(spec: dict[str, Any]) -> Build:
    def build(prompt: Prompt, answer: str, rng: random.Random) -> Example:
        kept = sentences(answer)[: rng.choice((1, 2))]
        if rng.random() < spec["no_system_prompt_share"]:
            system = rng.choice([None, None, *spec["plain_wordings"]])
            return Example(user(prompt.text, system), " ".join(kept))
        topic = rng.choice(spec["topics"])
        kept.append(rng.choice(spec["sentences"]).format(topic=topic))
        return Example(user(prompt.text, rng.choice(spec["wordings"]).format(topic=topic)), " ".join(kept))

    return build


_BUILDERS: dict[str, Callable[[dict[str, Any]], Build]] = {
    "lora": _lora,
    "backdoor": _backdoor,
    "obedience": _obedience,
}
KINDS = tuple(_BUILDERS)
