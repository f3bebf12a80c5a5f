"""How JupyterHub starts a managed service: with a settings file, and with its address in the environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from ..errors import InterpBenchError


def serve(
    module: str, make: Callable[[Path, str], ASGIApp], *, keep_alive_s: int = 5, grace_s: int, about: str | None
) -> int:
    """Serve until the Hub says that it is enough. Returns the exit status.

    Args:
        module: As ``python -m`` names it.
        make: Gives the application for a settings file and a prefix; what it raises of ours is told in one sentence.
        keep_alive_s: How long a connection stays open between two requests.
        grace_s: What requests under way are given when the service ends.
        about: What ``--help`` says.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--settings", type=Path, required=True, help="the YAML file that docs/jupyterhub.md describes")
    settings: Path = parser.parse_args().settings
    url, prefix = os.environ.get("JUPYTERHUB_SERVICE_URL", ""), os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if not url or not prefix:
        return _fail("JUPYTERHUB_SERVICE_URL is not set: have JupyterHub start this, as docs/jupyterhub.md says")
    try:
        app = make(settings, prefix)
    except InterpBenchError as error:
        return _fail(error.message)
    where = urlsplit(url)
    config = uvicorn.Config(
        app,
        host=where.hostname or "127.0.0.1",
        port=where.port or 80,
        access_log=False,
        log_level="warning",
        ws="none",
        server_header=False,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=grace_s,
    )
    uvicorn.Server(config).run()
    return 0


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - the Hub's log
    return 2
