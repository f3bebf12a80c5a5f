"""Which rows of a batch pass through the adapter, and how strongly: decided per row, never for the model as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from interp_bench_ext.host.shared_input import SharedInput, share

_ADAPTED, _BASE = "default", "__base__"


class AdapterRows:
    """The rows of the batch that is running, for every layer of the adapter.

    Plain LoRA layers multiply by a mask. All other kinds are peft's, and get its ``adapter_names``: peft gives them by
    hooks per call, which cost time on every step and stay behind when a forward pass raises.
    """

    def __init__(self, model: Any) -> None:
        self.mask: torch.Tensor | None = None
        """``[B]``: 1 for a row of the organism, 0 for one of the base; None where all are the organism's."""
        self._names: list[str] | None = None
        _replace(model, self)
        self._device = next(model.parameters()).device
        self.plain = self._hook(model) == 0
        """Whether the mask is all that there is to a row's arm."""

    def _hook(self, model: Any) -> int:
        """Have peft's own layers told of the rows; how many there are."""
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils.other import AuxiliaryTrainingWrapper

        def give(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return args, kwargs if self._names is None else {**kwargs, "adapter_names": self._names}

        kinds: Any = (BaseTunerLayer, AuxiliaryTrainingWrapper)
        own = [module for module in model.modules() if isinstance(module, kinds)]
        for module in own:
            module.register_forward_pre_hook(give, with_kwargs=True)
        return len(own)

    def share_inputs(self, model: Any, ids: torch.Tensor) -> None:
        """Have layers that are given the same do their first products as one; found by a pass over ``[1, T]``."""
        share(model, ids, [module for module in model.modules() if isinstance(module, MaskedLora)])

    @contextlib.contextmanager
    def running(self, base: Sequence[bool]) -> Iterator[None]:
        """For the forward passes inside, row i is without adapter where ``base[i]``."""
        if not any(base):
            yield
            return
        self._names = [_BASE if row else _ADAPTED for row in base]
        with self.masked(torch.tensor([float(not row) for row in base], device=self._device)):
            yield

    @contextlib.contextmanager
    def masked(self, mask: torch.Tensor) -> Iterator[None]:
        """The same by a mask ``[B]``, for layers that are plain or rows that are all the organism's."""
        self.mask = mask
        try:
            yield
        finally:
            self._names = self.mask = None


class MaskedLora(nn.Module):
    """``base(x) + scaling * B(A(x) * mask)`` (Hu et al. 2021), the mask being one number for each row of the batch.

    A row with 0 is exactly the base's: 0 times what the adapter adds is added to it.
    """

    def __init__(self, layer: Any, rows: AdapterRows) -> None:
        super().__init__()
        self.base_layer: nn.Module = layer.base_layer
        self.down: nn.Module = layer.lora_A[_ADAPTED]
        self.up: nn.Module = layer.lora_B[_ADAPTED]
        self._dtype: torch.dtype = layer.lora_A[_ADAPTED].weight.dtype
        self.scaling = float(layer.scaling[_ADAPTED])
        self.strength: torch.Tensor | None = None
        """``[B]``: a factor for each row of the pass that is running; None is 1."""
        self.ranks: tuple[int, ...] | None = None
        """``[B]``: to how many singular directions each row's product is cut; None leaves all."""
        self._cuts: dict[int, torch.Tensor] = {}
        self.shared: SharedInput | None = None
        """With the layers that are given the same."""
        self._rows = rows

    @property
    def weight(self) -> torch.Tensor:
        """The base layer's: some architectures ask for its format or device."""
        return self.base_layer.weight  # type: ignore[return-value]

    @property
    def bias(self) -> torch.Tensor | None:
        """The base layer's."""
        return self.base_layer.bias  # type: ignore[return-value]

    @property
    def merged(self) -> torch.Tensor:
        """``[out, in]``: what the layer of a row with 1 multiplies by."""
        down, up = self.down.weight, self.up.weight
        assert isinstance(down, torch.Tensor)
        assert isinstance(up, torch.Tensor)
        return (self.weight + (up @ down * self.scaling).to(self.weight.dtype)).detach()

    @property
    def factors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """``[r, in]`` and ``[out, r]`` float32, whose product is added to the weight."""
        down, up = self.down.weight, self.up.weight
        assert isinstance(down, torch.Tensor)
        assert isinstance(up, torch.Tensor)
        return down.detach().float(), up.detach().float() * self.scaling

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """``[B, T, in]`` to ``[B, T, out]``."""
        out: torch.Tensor = self.base_layer(given)
        inner = self._inner(given)
        if out.dtype != inner.dtype:
            added: torch.Tensor = self.up(inner)
            return out + (added * self.scaling).to(out.dtype)
        up: torch.Tensor = self.up.weight  # type: ignore[assignment]
        flat = out.flatten(0, -2)
        # One kernel for product, scaling and sum, as on a GPU a small batch waits for their number; nobody else has
        # what a plain layer gives.
        added_to = flat.addmm_ if type(self.base_layer) is nn.Linear else flat.addmm
        return added_to(inner.flatten(0, -2), up.T, alpha=self.scaling).view(out.shape)

    def _inner(self, given: torch.Tensor) -> torch.Tensor:
        """``[B, T, r]``: what the second factor multiplies."""
        if self.shared is None:
            inner = self._masked_product(given, self.down.weight)  # type: ignore[arg-type]
        else:
            inner = self.shared.product(self, given, self._masked_product)
        if self.strength is not None:
            inner = _by_rows(inner, self.strength)
        if self.ranks is not None:
            assert inner.shape[0] == len(self.ranks)
            cuts = torch.stack([self._cut(rank) for rank in self.ranks])
            inner = inner @ cuts.to(inner.device, inner.dtype).mT
        return inner

    def _masked_product(self, given: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        product = linear(given.to(self._dtype), weight)
        return product if self._rows.mask is None else _by_rows(product, self._rows.mask)

    def _cut(self, rank: int) -> torch.Tensor:
        """``[r, r]``: put between the two factors, it leaves the product's first ``rank`` singular directions.

        With ``up = Q R`` and ``R down = W S V``, it is the inverse of R times W's first columns times their transpose
        times R. From the factors' own rank on it is one.
        """
        if rank not in self._cuts:
            down, up = self.factors
            if rank >= down.shape[0]:
                self._cuts[rank] = torch.eye(down.shape[0], device=down.device)
            else:
                inner = torch.linalg.qr(up.double())[1]
                kept = torch.linalg.svd(inner @ down.double(), full_matrices=False)[0][:, :rank]
                self._cuts[rank] = (torch.linalg.pinv(inner) @ kept @ kept.mT @ inner).float()
        return self._cuts[rank]


def _by_rows(inner: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    # Experts see tokens of all rows in one list, which no mask by rows fits.
    assert inner.dim() == 3
    assert inner.shape[0] == len(factors)
    return inner * factors.to(inner.device, inner.dtype)[:, None, None]


def is_adapter_layer(module: nn.Module) -> bool:
    """Whether it holds an adapter's weights beside the layer that it changes."""
    return isinstance(module, MaskedLora) or hasattr(module, "base_layer")


def _replace(model: nn.Module, rows: AdapterRows) -> None:
    """Put masked layers in the place of peft's, where those do no more than LoRA does."""
    from peft.tuners.lora.layer import Linear

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is Linear and _is_plain(child):
                setattr(parent, name, MaskedLora(child, rows).train(child.training))


def _is_plain(layer: Any) -> bool:
    plain = layer.lora_A.keys() == {_ADAPTED} == layer.lora_B.keys() and not layer.lora_variant
    return plain and not layer.merged and layer.lora_B[_ADAPTED].bias is None and layer.base_layer.weight.dim() == 2
