"""Commands that hold an organism for a person: call one technique, serve it for notebooks, open JupyterLab."""

from __future__ import annotations

import asyncio
import json as json_module
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from jupyter_core.paths import jupyter_runtime_dir

from ..config import Experiment, load_config
from ..contracts import Connection
from ..errors import BadInput
from ..installed import experiment_techniques, find_config
from .investigate import ConfigArgument
from .screen import Watch, console, print_json
from .technique_names import find_technique

if TYPE_CHECKING:
    from ..organisms.tickets import Lease


def call(
    config: ConfigArgument,
    technique: Annotated[str, typer.Argument(help="For example prefill_attack, or prefill.")],
    arg: Annotated[list[str] | None, typer.Option(help="k=v; the value is JSON, or else text.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
) -> None:
    """Load an organism and call one technique on it."""
    from ..kernel.arguments import bind
    from ..kernel.client import RemoteOrganism

    arguments = dict(_argument(entry) for entry in arg or ())
    experiment = load_config(find_config(config))
    files = experiment_techniques(experiment.folder)
    spec = find_technique(technique, {name: files[name] for name in experiment.public.techniques})
    # Loading takes long, and what is wrong here is known before.
    bind(spec, (), arguments)

    async def main() -> Any:
        async with _served(experiment, quiet=json) as organism:
            remote = RemoteOrganism(organism.connection)
            return await asyncio.to_thread(lambda: remote.call(spec.name, **arguments))

    result = asyncio.run(main())
    if json:
        print_json(json_module.loads(result.table().to_json(orient="records")))
    else:
        typer.echo(str(result))


def serve(
    config: ConfigArgument,
    command: Annotated[
        list[str] | None, typer.Argument(help="After --: run this with the organism, then stop.")
    ] = None,
) -> None:
    """Load an organism and keep it for notebooks, until Ctrl-C, or for as long as COMMAND runs."""
    experiment = load_config(find_config(config))

    async def main() -> int:
        async with _served(experiment) as organism:
            with _published(organism.connection, experiment):
                if command:
                    return await _run(command, organism.connection)
                console.print("serving; `interp_bench_ext.connect()` in a notebook finds it. Ctrl-C stops it.")
                await _until_stopped()
                return 0

    code = asyncio.run(main())
    if code:
        raise typer.Exit(code)


def lab(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to JupyterLab, for example --port 8899.")
    ] = None,
) -> None:
    """Open JupyterLab."""
    try:
        import jupyterlab  # noqa: F401
    except ImportError:
        raise BadInput("JupyterLab is not installed here; install interp_bench_ext[lab]") from None
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *(arguments or ())])  # noqa: S606


@asynccontextmanager
async def _served(experiment: Experiment, *, quiet: bool = False) -> AsyncIterator[Lease]:
    from ..host.terms import Terms
    from ..organisms.placement import organism_spec, start_organism
    from ..organisms.tickets import lent

    with Watch(quiet=quiet) as watch:
        organism = await start_organism(organism_spec(experiment), emit=watch)
    try:
        async with lent(organism, Terms(caller="command line", access=experiment.public.access)) as lease:
            yield lease
    finally:
        await organism.stop()


@contextmanager
def _published(connection: Connection, experiment: Experiment) -> Iterator[None]:
    """Keep a file in Jupyter's runtime folder by which a plain kernel of the same user finds the organism."""
    folder = Path(jupyter_runtime_dir()) / "interp_bench"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{secrets.token_hex(4)}.json"
    content = {
        "url": connection.url,
        "token": connection.token,
        "experiment": experiment.public.experiment_name,
    }
    file.touch(mode=0o600)
    file.write_text(json_module.dumps(content), encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


async def _run(command: list[str], connection: Connection) -> int:
    environment = {**os.environ, "INTERP_BENCH_URL": connection.url, "INTERP_BENCH_TOKEN": connection.token}
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as error:
        raise BadInput(f"{command[0]}: cannot be run ({error.strerror})") from None
    return await process.wait()


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _argument(entry: str) -> tuple[str, Any]:
    name, equals, value = entry.partition("=")
    if not equals:
        raise BadInput(f"--arg {entry}: write it as name=value")
    try:
        return name, json_module.loads(value)
    except json_module.JSONDecodeError:
        return name, value
