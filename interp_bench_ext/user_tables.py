"""Tables that ship beside the code and that a user extends, by a file of that shape in the configuration folder."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

from platformdirs import user_config_path
from pydantic import BaseModel, TypeAdapter, ValidationError

from .errors import BadInput
from .wrong_input import first_problem

Entry = TypeVar("Entry", bound=BaseModel)


def load_table(
    kind: type[Entry], *, package: str, file: str, what: str, form: str, user_file: Path | None = None
) -> dict[str, Entry]:
    """The shipped table with the user's own entries over it.

    Args:
        kind: What an entry is.
        package: Where the shipped file lies.
        file: Its name, and that of the user's in the configuration folder.
        what: What the table is of, such as ``prices``.
        form: How the user's file must give an entry, for the sentence that says so.
        user_file: Instead of the one in the configuration folder.

    Raises:
        BadInput: The user's file is not such a table.
    """
    table = dict(_shipped(kind, package, file))
    path = user_file or user_config_path("interp_bench") / file
    if path.is_file():
        try:
            table |= _entries(kind).validate_json(path.read_bytes())
        except ValidationError as error:
            raise BadInput(f"{path}: not a table of {what}: {first_problem(error)}; {form}") from None
    return table


@cache
def _shipped(kind: type[Entry], package: str, file: str) -> dict[str, Entry]:
    return _entries(kind).validate_json(resources.files(package).joinpath(file).read_bytes())


def _entries(kind: type[Entry]) -> TypeAdapter[dict[str, Entry]]:
    return TypeAdapter(dict[str, kind])  # type: ignore[valid-type]
