"""The command line: ``interp-bench …``, also ``jupyter interp-bench …``.

Exit codes: 0 done, 1 the run failed, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import typer

from ..errors import InterpBenchError
from . import inspect, investigate, serve
from .screen import complain

app = typer.Typer(
    name="interp-bench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Autonomous interpretability investigations of model organisms.",
)
for _command in (
    investigate.run,
    investigate.resume,
    investigate.sweep,
    inspect.runs,
    inspect.show,
    inspect.report,
    inspect.score,
    inspect.configs,
    inspect.techniques,
    inspect.validate,
    serve.call,
    serve.serve,
    serve.lab,
    inspect.doctor,
):
    app.command()(_command)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(version("interp_bench_ext"))
        raise typer.Exit


@app.callback()
def _root(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and exit."),
) -> None: ...


def main() -> None:
    """Run the command line; every error of ours is one sentence on stderr and an exit code."""
    try:
        app()
    except InterpBenchError as error:
        complain(str(error))
        for note in getattr(error, "__notes__", ()):
            complain(note)
        sys.exit(error.exit_code)
