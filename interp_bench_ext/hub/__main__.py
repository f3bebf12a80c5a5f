"""``python -m interp_bench_ext.hub --settings FILE``, as JupyterHub starts it for a managed service."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from starlette.types import ASGIApp

from . import admin, scores
from .identity import Identity
from .pages import Pages
from .routes import build_app
from .service import Service
from .serving import serve
from .settings import load_settings


def _app(file: Path, prefix: str) -> ASGIApp:
    """Raises BadInput where the settings cannot be used."""
    identity = Identity()
    service = Service(load_settings(file), folder=file.resolve().parent, identity=identity)
    # Whatever runs in here does not need it any more, and what it starts must not inherit it.
    pages = Pages(prefix)
    shown = [*pages.routes(admin.PAGE, scores.PAGE), *admin.admin_routes(pages), *scores.scores_routes(pages)]
    os.environ.pop("JUPYTERHUB_API_TOKEN", None)
    return build_app(service, prefix=prefix, pages=shown)


if __name__ == "__main__":
    sys.exit(serve("interp_bench_ext.hub", _app, keep_alive_s=3600, grace_s=3, about=__doc__))
