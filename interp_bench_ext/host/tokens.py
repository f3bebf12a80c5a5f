"""Text to token ids and back, the same for byte-level and SentencePiece tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_ANCHOR = "\n"


class Tokens:
    """A tokenizer with its three traps handled: added BOS tokens, added leading spaces, and dropped leading spaces."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        bos = tokenizer.bos_token_id
        whole = tokenizer("a").input_ids
        self.bos: list[int] = [bos] if bos is not None and whole[:1] == [bos] else []
        first = tokenizer.convert_ids_to_tokens(self._encode("a"))[0]
        self._strings: dict[int, str] = {}
        """Of tokens that were asked for: to decode one costs as much as to look up a hundred."""
        self._adds_space = str(first).startswith("\u2581")

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def whole(self, text: str) -> list[int]:
        """Raw text that begins a sequence: one BOS if the tokenizer adds one, never two."""
        bos = self.tokenizer.bos_token
        if self.bos and text.startswith(bos):
            text = text[len(bos) :]
        return [*self.bos, *self._encode(text)]

    def rendered(self, text: str) -> list[int]:
        """Text that a chat template made: special tokens are in it already."""
        return self._encode(text)

    def piece(self, text: str) -> list[int]:
        """Text that continues a sequence, without the space that SentencePiece tokenizers put before a text."""
        if not self._adds_space:
            return self._encode(text)
        before, both = self._encode(_ANCHOR), self._encode(_ANCHOR + text)
        return both[len(before) :] if both[: len(before)] == before else self._encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The ids' text, special tokens spelled out; a leading space stays."""
        if not self._adds_space:
            return self._decode(ids)
        anchor = self._encode(_ANCHOR)
        return self._decode([*anchor, *ids]).removeprefix(self._decode(anchor))

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def strings(self, ids: Sequence[int]) -> list[str]:
        """One readable string per id; of a token that is only part of a character, its name in the vocabulary."""
        for token in set(ids) - self._strings.keys():
            text = self.decode([token])
            name = str(self.tokenizer.convert_ids_to_tokens(token)) if "\ufffd" in text else text
            self._strings[token] = name
        return [self._strings[token] for token in ids]
