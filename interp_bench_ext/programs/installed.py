"""Which of the programs are on this machine, and whether they are new enough to be started as here."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..config import ProgramName
from ..errors import BadInput
from ..results.kit.safe_text import one_line
from .claude_code import CLAUDE_CODE
from .codex import CODEX
from .environment import person_environment
from .gemini import GEMINI
from .program import Program

PROGRAMS: dict[ProgramName, Program] = {program.name: program for program in (CLAUDE_CODE, CODEX, GEMINI)}
_ANSWERS_WITHIN_S = 60.0
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_SHOWN = 120


@dataclass(frozen=True, kw_only=True)
class Found:
    """A program as it is installed here."""

    program: Program
    path: str
    version: str


def on_path() -> list[Program]:
    """The programs that are installed here, whatever their versions."""
    return [program for program in PROGRAMS.values() if shutil.which(program.command) is not None]


def installed(name: ProgramName) -> Found:
    """The program as it is installed here; asks it for its version and flags, once for each that is installed.

    Raises:
        BadInput: It is not there, cannot be started, or is too old.
    """
    program = PROGRAMS[name]
    path = shutil.which(program.command)
    if path is None:
        raise BadInput(
            f"{program.title} is not installed here: there is no `{program.command}` on the PATH;"
            f" npm install -g {program.package}"
        )
    return _asked(name, path, Path(path).stat().st_mtime_ns)


@lru_cache
def _asked(name: ProgramName, path: str, changed: int) -> Found:
    del changed  # a program that was replaced is asked again
    program = PROGRAMS[name]
    with ThreadPoolExecutor(2) as at_once:
        version, known = at_once.map(
            lambda arguments: _answer(program, path, arguments), (("--version",), program.help)
        )
    number = _VERSION.search(version)
    if number is None:
        raise BadInput(f"`{path} --version` says {one_line(version, _SHOWN)!r}: that is not {program.title}")
    lacking = [flag for flag in program.flags if flag not in known]
    if lacking:
        raise BadInput(
            f"{program.title} {number[0]} is too old: it has no {lacking[0]}; npm install -g {program.package}"
        )
    return Found(program=program, path=path, version=number[0])


def _answer(program: Program, path: str, arguments: tuple[str, ...]) -> str:
    command = [path, *arguments]
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                command,
                cwd=folder,
                env=person_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ANSWERS_WITHIN_S,
                check=False,
            )
    except OSError as error:
        raise BadInput(f"{program.title} cannot be started ({path}: {error.strerror})") from None
    except subprocess.TimeoutExpired:
        raise BadInput(
            f"{program.title} does not answer: `{' '.join(command)}` has not ended within {_ANSWERS_WITHIN_S:.0f} s"
        ) from None
    if done.returncode:
        said = one_line((done.stderr or done.stdout).decode(errors="replace"), _SHOWN)
        raise BadInput(f"{program.title} cannot be used: `{' '.join(command)}` fails ({said or done.returncode})")
    return done.stdout.decode(errors="replace")
