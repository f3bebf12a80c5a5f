"""What the commands that drive runs have in common."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ..config import Experiment, load_config
from ..errors import BadInput
from ..installed import find_config
from ..record.journal import RunRecord

RunArgument = Annotated[str, typer.Argument(help="Start of the run's id, or `last`.")]
ConfigOption = Annotated[
    str | None, typer.Option("--config", help="The run's config, where it is not at its old place any more.")
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the run's own folder.")]
WeakerVeilOption = Annotated[
    bool,
    typer.Option("--weaker-veil", help="Run its code as a plain process of yours, where it had a sandbox before."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else.")]
Value = TypeVar("Value")


def interruptible(work: Coroutine[Any, Any, Value]) -> Value:
    """Run ``work``; Ctrl-C and SIGTERM cancel it, so that it can record that it was interrupted."""

    async def main() -> Value:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def experiment_of(record: RunRecord, config: str | None) -> Experiment:
    """The config of a run, from where it was or from ``config``. Raises BadInput, also where it is another's."""
    if config is not None:
        found = load_config(find_config(config))
        if found.public.experiment_name != record.experiment:
            raise BadInput(
                f"{found.path} is the config of {found.public.experiment_name}, and run {record.id} is one of"
                f" {record.experiment}; name that one's config"
            )
        return found
    if not record.config.exists():
        raise BadInput(
            f"run {record.id} was started from {record.config}, and there is no such file on this machine;"
            " name its place here with --config PATH"
        )
    return load_config(record.config)


def given(**options: Any) -> dict[str, Any]:
    """The options that somebody has set, by the names that the config's agent section has for them."""
    return {name: value for name, value in options.items() if value is not None}


def checked_notebook(path: Path | None) -> Path | None:
    """Raises BadInput where ``path`` is not what a notebook is called, or no run can work in what is there."""
    if path is not None and path.suffix != ".ipynb":
        raise BadInput(f"--notebook {path}: a notebook's name ends in .ipynb")
    if path is not None:
        from ..notebook.readable import check_notebook

        check_notebook(path)
    return path
