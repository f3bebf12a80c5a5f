"""What a token takes in memory, from a model's shape alone: for the engine's batches and for estimates of a start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Bytes; rough, on the high side."""

    vocabulary: int
    """Float32 logits of one position."""
    residuals: int
    """The residual stream of one position after every block."""
    key_values: int
    """The cache of one position, twice, because growing it copies it."""
    activations: int
    """One position on its way through a block."""

    @classmethod
    def of(
        cls, *, layers: int, width: int, inner: int, kv_heads: int, head_dim: int, vocabulary: int, itemsize: float
    ) -> Sizes:
        """Of a model with blocks of this shape, ``itemsize`` bytes a number; ``inner`` is the feed-forward's width."""
        return cls(
            vocabulary=4 * vocabulary,
            residuals=int(2 * (layers + 1) * width * itemsize),
            key_values=int(2 * 2 * layers * kv_heads * head_dim * itemsize),
            activations=int((4 * inner + 8 * width) * itemsize),
        )

    def per_forward_token(self, *, logits: bool, residuals: bool) -> int:
        """One position of a forward pass; logits exist in the model's format and in float32."""
        kept = (2 * self.vocabulary if logits else 0) + (self.residuals if residuals else 0)
        return self.key_values + self.activations + kept

    def per_generated_row(self, prompt: int, new: int) -> int:
        """One row of a generation; drawing needs a handful of vectors over the vocabulary."""
        return (prompt + new) * self.key_values + prompt * self.activations + 6 * self.vocabulary
