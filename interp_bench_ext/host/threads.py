"""How many of a processor's threads an operation gets.

A host's threads do not spin for work, as they must not on a shared machine, so that waking them takes 50 to 70 us. A
large product is worth that, and the many small sums of a decode step are not: for 64 rows of 576 numbers that is ten
times the arithmetic.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import torch

Done = TypeVar("Done")


class _Outside(threading.local):
    """As many as there were outside of :func:`alone`; 0 where nothing runs alone."""

    threads = 0


_OUTSIDE = _Outside()


def alone(work: Callable[..., Done], *args: Any, **options: Any) -> Done:
    """What ``work`` gives, which runs on one thread but for what it has done :func:`together`."""
    threads = torch.get_num_threads()
    outside, _OUTSIDE.threads = _OUTSIDE.threads, _OUTSIDE.threads or threads
    torch.set_num_threads(1)
    try:
        return work(*args, **options)
    finally:
        torch.set_num_threads(threads)
        _OUTSIDE.threads = outside


def together(work: Callable[..., Done], *args: Any, **options: Any) -> Done:
    """What ``work`` gives, which gets all threads even if what calls it runs :func:`alone`."""
    if not _OUTSIDE.threads:
        return work(*args, **options)
    torch.set_num_threads(_OUTSIDE.threads)
    try:
        return work(*args, **options)
    finally:
        torch.set_num_threads(1)


def attend_together() -> None:
    """Have the attention of all models that call torch's own kernel by transformers get all threads."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register("sdpa", _attend(sdpa_attention_forward))


def _attend(attention: Callable[..., Done]) -> Callable[..., Done]:
    def attend(*args: Any, **options: Any) -> Done:
        return together(attention, *args, **options)

    return attend
