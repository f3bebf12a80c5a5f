"""The organism's shape, as a short table of facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .kit import elements
from .kit.result import Columns, Result
from .kit.safe_text import clip
from .kit.selection import Limits


class ModelInfo(Result):
    """The organism's shape, without anything that names it."""

    n_layers: int
    width: int
    n_heads: int
    n_key_value_heads: int
    vocabulary: int
    context_length: int
    """Tokens that a prompt and what follows it may have: less than the model's own, and the same for both arms."""
    n_parameters: int
    dtype: str
    device: str
    chat_template: bool
    access: str
    batching: str = "padded"
    """How rows share a pass: ``padded``, ``equal lengths`` or ``one by one``, as the model's layers allow it."""
    decoding: str = "eager"
    """``captured`` where a decode step is a recorded CUDA graph; ``eager`` where Python launches each kernel."""
    reference: bool = False
    """Whether there is a reference model to compare it with."""
    autoencoder: str = ""
    """What ``sae_latents`` reads, for example ``4096 latents of resid_post of layer 12``; empty where there is none."""
    oracle: bool = False
    """Whether there is an oracle to ask about activations."""

    def _headline(self) -> str:
        millions = self.n_parameters / 1e6
        parameters = f"{millions:,.0f} M" if millions >= 1 else f"{self.n_parameters:,}"
        return f"{self.n_layers} layers of width {self.width:,}, {parameters} parameters"

    def _lines(self) -> list[str]:
        return [f"  {label:<16} {value}" for label, value in self._rows()]

    def _html(self) -> Iterable[str]:
        label = '<span style="opacity:0.7">{}</span>'
        rows = ([label.format(name), elements.escaped(value)] for name, value in self._rows())
        return [elements.table(map(elements.row, rows))]

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit.charts import INK, NEUTRAL, Layers, data

        rows = [{"row": place, "label": label, "value": value} for place, (label, value) in enumerate(self._rows())]
        base = altair.Chart(data(rows)).encode(y=altair.Y("row:O", axis=None))
        left = base.mark_text(align="right", dx=-8, color=NEUTRAL).encode(text="label:N")
        right = base.mark_text(align="left", dx=8, color=INK).encode(text="value:N")
        return Layers(layer=[left, right], title="Model").properties(width=420, height=20 * len(rows))

    def _columns(self) -> Columns:
        labels, values = zip(*self._rows(), strict=True)
        return {"property": labels, "value": values}

    def _rows(self) -> list[tuple[str, str]]:
        """Label and value of everything known of the model."""
        return [
            ("layers", str(self.n_layers)),
            ("width", f"{self.width:,}"),
            ("attention heads", f"{self.n_heads} (key/value {self.n_key_value_heads})"),
            ("vocabulary", f"{self.vocabulary:,} tokens"),
            ("context", f"{self.context_length:,} tokens"),
            ("parameters", f"{self.n_parameters:,}"),
            ("number format", clip(self.dtype, 40)),
            ("device", clip(self.device, 60)),
            ("chat template", "yes" if self.chat_template else "no"),
            ("access", clip(self.access, 40)),
            ("batches", clip(self.batching, 40)),
            ("decode steps", clip(self.decoding, 40)),
            *([("reference", "a model to compare it with")] if self.reference else []),
            *([("autoencoder", clip(self.autoencoder, 60))] if self.autoencoder else []),
            *([("oracle", "answers questions about activations")] if self.oracle else []),
        ]
