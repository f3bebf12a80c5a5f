"""Jupyter's own fixtures, for this folder alone: some of them act on every test."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPResponse
from traitlets.config import Config


@pytest.fixture
def settings() -> dict[str, Any]:
    """Traits of InterpBenchApp; a test that needs others overrides this."""
    return {}


@pytest.fixture
def jp_server_config(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    return Config(
        {
            "ServerApp": {
                "jpserver_extensions": {"interp_bench_ext": True},
                "allow_unauthenticated_access": False,
            },
            "InterpBenchApp": settings,
        }
    )


@pytest.fixture
def fetch(jp_fetch: Callable[..., Awaitable[HTTPResponse]]) -> Callable[..., Awaitable[HTTPResponse]]:
    """One request of the extension's REST interface; errors are replies as well."""

    async def fetched(method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
        path, _, query = path.partition("?")
        return await jp_fetch(
            "interp_bench/api",
            path,
            params=dict([query.split("=")]) if query else None,
            method=method,
            body=None if body is None else json.dumps(body),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_nonstandard_methods=True,
            raise_error=False,
        )

    return fetched
