"""Modal's client of this process, with the user's token out of reach of the kernels that this process starts."""

from __future__ import annotations

from typing import Any

import modal

from interp_bench_ext.organisms.places.modal.buffers import keep_freed_memory
from interp_bench_ext.organisms.places.modal.h2_patch import spare_frame_texts
from interp_bench_ext.organisms.places.modal.token import forget_token, take_token, taken_token

_kept: list[Any] = []
"""The client that was made of it."""


async def client() -> Any:
    """The client; a token in the environment is taken out of it, for a child process inherits what is there.

    Raises what Modal's client raises where there is no token.
    """
    spare_frame_texts()
    keep_freed_memory()
    if take_token():
        _kept.clear()
    token = taken_token()
    if token and not _kept:
        make: Any = modal.Client.from_credentials
        # Others may come meanwhile: the token is there for them too, and each client is as good.
        _kept[:] = [await make.aio(*token)]
    if _kept:
        return _kept[0]
    found: Any = modal.Client.from_env
    return await found.aio()


def forget() -> None:
    """Have the next use look for a token again."""
    forget_token()
    _kept.clear()
