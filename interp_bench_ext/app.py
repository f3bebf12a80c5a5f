"""The server extension."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp


class InterpBenchApp(ExtensionApp):
    """Interp Bench inside a Jupyter server."""

    name = "interp_bench_ext"
    description = "Investigations of model organisms"
