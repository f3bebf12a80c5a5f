"""The command that an MCP client starts."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from ..paths import outside_work_folders

NEEDS_MCP = "the MCP server needs the package mcp, which is not installed here; pip install 'interp_bench_ext[mcp]'"


def mcp(
    notebooks: Annotated[Path, typer.Option(help="Folder for the runs' notebooks; made if need be.")] = Path(
        "notebooks"
    ),
    configs: Annotated[list[Path] | None, typer.Option(help="A further folder of configs; may be repeated.")] = None,
    all_runs: Annotated[
        bool, typer.Option("--all-runs", help="Let the client read, resume and fork runs that it has not begun, too.")
    ] = False,
) -> None:
    """Serve an MCP client over stdin and stdout: Claude Code or another one investigates in the agent's place."""
    if importlib.util.find_spec("mcp") is None:
        raise BadInput(NEEDS_MCP)
    from ..mcp.stdio import serve
    from ..models.key import Key

    Key.from_environment()  # out of the environment, so that no kernel inherits it; the client is the agent
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    for folder in configs or ():
        if not folder.is_dir():
            raise BadInput(f"--configs {folder}: there is no such folder")
    notebooks = outside_work_folders(notebooks)
    try:
        notebooks.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--notebooks {notebooks}: cannot be made ({error.strerror}); choose another folder") from None
    folders = [folder.resolve() for folder in configs or ()]
    asyncio.run(serve(notebooks=notebooks, configs=folders, all_runs=all_runs))
