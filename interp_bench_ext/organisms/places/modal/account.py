"""Modal's client of this process, with the user's token out of reach of the kernels that this process starts."""

from __future__ import annotations

import os
from typing import Any

import modal

from interp_bench_ext.organisms.places.modal.h2_patch import spare_frame_texts

_TOKEN = ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET")
_taken: list[str] = []
"""The token from variables which are gone since."""
_kept: list[Any] = []
"""The client that was made of it."""


async def client() -> Any:
    """The client; a token in the environment is taken out of it, for a child process inherits what is there.

    Raises what Modal's client raises where there is no token.
    """
    spare_frame_texts()
    if all(os.environ.get(name) for name in _TOKEN):
        _taken[:] = [os.environ.pop(name) for name in _TOKEN]
        _kept.clear()
    if _taken and not _kept:
        make: Any = modal.Client.from_credentials
        # Others may come meanwhile: the token is there for them too, and each client is as good.
        _kept[:] = [await make.aio(*_taken)]
    if _kept:
        return _kept[0]
    found: Any = modal.Client.from_env
    return await found.aio()


def forget() -> None:
    """Have the next use look for a token again."""
    _taken.clear()
    _kept.clear()
