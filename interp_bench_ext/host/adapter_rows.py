"""Which rows of a batch pass through the adapter, decided per row and never for the model as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

_ADAPTED, _BASE = "default", "__base__"


class AdapterRows:
    """Gives peft's layers the ``adapter_names`` of the batch that is running.

    Peft does the same with hooks per call, which cost time on every step and stay behind when a forward pass raises.
    """

    def __init__(self, model: Any) -> None:
        self._names: list[str] | None = None
        self._hook(model)

    def _hook(self, model: Any) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils.other import AuxiliaryTrainingWrapper

        def give(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return args, kwargs if self._names is None else {**kwargs, "adapter_names": self._names}

        for module in model.modules():
            adapts: bool = isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper))
            if adapts:
                module.register_forward_pre_hook(give, with_kwargs=True)

    @contextlib.contextmanager
    def running(self, base: Sequence[bool]) -> Iterator[None]:
        """For the forward passes inside, row i is without adapter where ``base[i]``."""
        if any(base):
            self._names = [_BASE if row else _ADAPTED for row in base]
        try:
            yield
        finally:
            self._names = None
