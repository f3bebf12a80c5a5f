"""The command line: ``interp-bench …``, also ``jupyter interp-bench …``.

Exit codes: 0 done, 1 the run failed, 2 bad input, 130 interrupted.

Commands import the heavy parts where they use them: those take seconds, and `--help` and `runs` need none.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import typer
from platformdirs import user_log_path

from ..errors import InterpBenchError
from . import by_hand, deploy, doctor, inspect, investigate, mcp, replay, rerun, serve, sweep
from .screen import complain

app = typer.Typer(
    name="interp-bench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Autonomous interpretability investigations of model organisms.",
)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Investigate": (investigate.run, investigate.resume, investigate.fork, sweep.sweep),
    "Run again": (replay.replay, rerun.rerun),
    "Look": (inspect.runs, inspect.show, inspect.report, inspect.score, inspect.reveal),
    "What is installed": (inspect.configs, inspect.techniques, inspect.validate, doctor.doctor),
    "Work by hand": (by_hand.investigate, serve.lab, serve.call, serve.serve, mcp.mcp),
    "Modal": (deploy.deploy, deploy.undeploy, deploy.status),
}
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        _settings = _PASSED_ON if _command is serve.lab else {}
        app.command(rich_help_panel=_panel, context_settings=_settings)(_command)


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
    # With this package jsonschema, which nbformat needs, builds a grammar for seconds, to check addresses that no
    # notebook has; without it, it leaves those checks out.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app()
    except InterpBenchError as error:
        complain(str(error))
        for note in getattr(error, "__notes__", ()):
            complain(note)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the process's boundary: no traceback reaches a person
        complain(f"internal error: {type(error).__name__}: {error}")
        complain(f"the details are in {_keep_traceback()}; please report them")
        sys.exit(1)


def _keep_traceback() -> Path:
    """Write the exception being handled to a file that only its owner can read."""
    folder = user_log_path("interp_bench")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "crash.txt"
    file.touch(mode=0o600)
    file.write_text(traceback.format_exc(), encoding="utf-8")
    return file
