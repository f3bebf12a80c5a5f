"""Whether a run can work in a notebook that is there already; if not, one sentence says what stands in its place."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from ..errors import BadInput
from ..record.event import JsonDict

_OTHER = "or choose another notebook"
_LFS_POINTER = b"version https://git-lfs"
_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_notebook(path: Path) -> None:
    """Look at the file before anything else is done with it; where there is none yet, all is well.

    Nothing of what is in it is said: it may be another file than whoever is told that may read.

    Raises:
        BadInput: It is no notebook, is broken, or has a kernel for another language than Python.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"The notebook {path} cannot be read: {error.strerror}.") from error
    problem = _problem_of_bytes(raw)
    if problem is not None:
        raise BadInput(f"The notebook {path} {problem}, {_OTHER}.")


def upgraded(notebook: Any) -> JsonDict:
    """A notebook in format 4.5 or newer with an id of its own for each cell.

    Before that format cells have no ids, and would be doubled at every save.
    """
    upgrade: Any = v4.upgrade
    minor = notebook["nbformat_minor"]
    found: JsonDict = upgrade(notebook, from_version=4, from_minor=minor) if minor < 5 else notebook
    for cell, cell_id in zip(found["cells"], valid_ids([cell.get("id") for cell in found["cells"]]), strict=True):
        cell["id"] = cell_id
    return found


def valid_ids(ids: list[Any]) -> list[str]:
    """The ids, with new ones in the place of those that are missing, taken or not in the format's letters."""
    valid: dict[str, None] = {}
    for found in ids:
        fits = isinstance(found, str) and _CELL_ID.fullmatch(found) and found not in valid
        valid[str(found) if fits else uuid.uuid4().hex[:12]] = None
    return list(valid)


def _problem_of_bytes(raw: bytes) -> str | None:
    if raw.startswith(_LFS_POINTER):
        return "is only a Git LFS pointer to one; fetch it with `git lfs pull`"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8 text; save it as UTF-8"
    if text.startswith("\ufeff"):
        return "begins with a byte order mark; save it as UTF-8 without one"
    if not text.strip():
        return "is an empty file; delete it"
    try:
        notebook = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        if _CONFLICT.search(text):
            return "holds a merge conflict; resolve it"
        return f"is not valid JSON (line {error.lineno}, column {error.colno}); repair it"
    except _Constant as constant:
        return f"is not valid JSON (it holds {constant}, which JSON does not have); repair it"
    except (ValueError, RecursionError):
        return "is not valid JSON (a number or a nesting in it has no end); repair it"
    return _problem_of(notebook)


def _problem_of(notebook: Any) -> str | None:
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(version, int):
        return "is JSON but no notebook (it names no nbformat); move it away"
    if version > nbformat.current_nbformat:
        return f"is of nbformat {version}, and {nbformat.current_nbformat} is the newest known here; save it as that"
    library: Any = nbformat
    try:
        found = upgraded(library.convert(library.reader.reads(json.dumps(notebook)), 4))
        library.validate(found)
    except library.ValidationError as error:
        # Its message quotes what is there.
        rule = getattr(error, "validator", None) or "schema"
        return f"does not keep to its format ({_where(getattr(error, 'absolute_path', ()))}: {rule}); repair it"
    except Exception as error:  # noqa: BLE001 - what converts old formats raises whatever it stumbles over
        return f"does not keep to its format ({type(error).__name__}); repair it"
    return _other_language(found["metadata"])


def _other_language(metadata: JsonDict) -> str | None:
    kernel = metadata.get("kernelspec") or {}
    language = (metadata.get("language_info") or {}).get("name") or kernel.get("language")
    if not language or "python" in str(language).lower():
        return None
    return "has a kernel for another language, and an investigation's cells are Python; give it a Python kernel"


def _where(path: Iterable[Any]) -> str:
    """The place in a notebook by its numbers and by names that the format has: others are the file's own."""
    known = {"cells", "outputs", "metadata", "source", "cell_type", "id", "data", "attachments", "worksheets"}
    return "/".join(str(part) for part in path if isinstance(part, int) or part in known) or "the file"


class _Constant(Exception):
    """What only JavaScript knows: NaN, Infinity or -Infinity."""


def _refuse(constant: str) -> Any:
    raise _Constant(constant)
