"""What a token takes in memory, from a model's shape alone: for the engine's batches and for estimates of a start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """A decoder-only model's sizes, in numbers of things, not bytes."""

    layers: int
    width: int
    inner: int
    """Width of the feed-forward."""
    kv_heads: int
    head_dim: int
    vocabulary: int


@dataclass(frozen=True)
class Sizes:
    """Bytes; rough, on the high side."""

    vocabulary: int
    """Float32 logits of one position."""
    site: int
    """The residual stream of one position after one block."""
    key_values: int
    """The cache of one position, twice, because growing it copies it."""
    activations: int
    """One position on its way through a block."""
    layers: int

    @classmethod
    def of(cls, model: Dimensions, *, itemsize: float) -> Sizes:
        """Of a model whose numbers take ``itemsize`` bytes each."""
        return cls(
            vocabulary=4 * model.vocabulary,
            site=int(model.width * itemsize),
            key_values=int(2 * 2 * model.layers * model.kv_heads * model.head_dim * itemsize),
            activations=int((4 * model.inner + 8 * model.width) * itemsize),
            layers=model.layers,
        )

    def per_forward_token(self, *, logits: bool, sites: int = 0, gradients: bool = False) -> int:
        """One position of a forward pass; logits exist in the model's format and in float32, sites are as wide as
        the stream.

        A pass for gradients keeps what every block computes.
        """
        kept = (2 * self.vocabulary if logits else 0) + 2 * sites * self.site
        return self.key_values + kept + self.activations * (2 * self.layers if gradients else 1)

    def per_generated_row(self, prompt: int, new: int) -> int:
        """One row of a generation; drawing needs a handful of vectors over the vocabulary."""
        return (prompt + new) * self.key_values + prompt * self.activations + 6 * self.vocabulary
