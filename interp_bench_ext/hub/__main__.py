"""``python -m interp_bench_ext.hub --settings FILE``, as JupyterHub starts it for a managed service."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from ..errors import InterpBenchError
from .admin import admin_routes
from .identity import Identity
from .routes import build_app
from .service import Service
from .settings import load_settings


def main() -> int:
    """Serve until the Hub says that it is enough. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m interp_bench_ext.hub", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the YAML file that docs/jupyterhub.md describes")
    arguments = parser.parse_args()
    url, prefix = os.environ.get("JUPYTERHUB_SERVICE_URL", ""), os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if not url or not prefix:
        return _fail("JUPYTERHUB_SERVICE_URL is not set: have JupyterHub start this, as docs/jupyterhub.md says")
    where = urlsplit(url)
    try:
        settings = load_settings(arguments.settings)
        identity = Identity()
        service = Service(settings, folder=arguments.settings.resolve().parent, identity=identity)
    except InterpBenchError as error:
        return _fail(error.message)
    # Whatever runs in here does not need it any more, and what it starts must not inherit it.
    admin = admin_routes(prefix)
    os.environ.pop("JUPYTERHUB_API_TOKEN", None)
    app = build_app(service, prefix=prefix, admin=admin)
    config = uvicorn.Config(
        app,
        host=where.hostname or "127.0.0.1",
        port=where.port or 80,
        access_log=False,
        log_level="warning",
        ws="none",
        server_header=False,
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run()
    return 0


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - the Hub's log
    return 2


if __name__ == "__main__":
    sys.exit(main())
