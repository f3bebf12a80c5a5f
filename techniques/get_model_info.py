"""The organism's shape."""

from __future__ import annotations

from interp_bench_ext.contracts import Organism
from interp_bench_ext.results import ModelInfo


def get_model_info(organism: Organism) -> ModelInfo:
    """Tell layers, width, heads, vocabulary, number format, device and access level, and nothing that names the model.

    Access: sample
    Magic: info
    Plot: a table
    """
    return organism.info
