"""Where the Hub's service is, and the token by which this server is known there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

URL_VARIABLE, TOKEN_VARIABLE = "INTERP_BENCH_HUB_URL", "JUPYTERHUB_API_TOKEN"
_NOT_THERE = (
    "this server knows of no organism service: on a JupyterHub the administrator sets"
    f" {URL_VARIABLE} for users' servers (docs/jupyterhub.md); elsewhere use `model.execution_mode: local` or `modal`"
)


@dataclass(frozen=True, repr=False)
class Account:
    """Address and token; it prints as nothing."""

    url: str
    """Of the service, without a slash at its end."""
    token: str

    def __repr__(self) -> str:
        return "Account(…)"


@cache
def hub_account() -> Account | None:
    """None away from a Hub, or where its administrator has set no address.

    It is looked for once, so that whoever starts kernels can take the token out of the environment after that.
    """
    url, token = os.environ.get(URL_VARIABLE, "").rstrip("/"), os.environ.get(TOKEN_VARIABLE, "")
    return Account(url, token) if url and token else None


def why_no_account() -> str | None:
    """What a person must know where there is none."""
    return None if hub_account() is not None else _NOT_THERE
