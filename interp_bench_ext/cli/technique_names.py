"""Techniques by the names that people write, described from their files before any organism is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..contracts import TechniqueSpec
from ..errors import BadInput
from ..wrong_input import nearest


def find_technique(name: str, files: Mapping[str, Path]) -> TechniqueSpec:
    """The technique called ``name``, or by a short name as on a ``%interp`` line. Raises BadInput with the nearest.

    Args:
        name: As a person wrote it.
        files: Those that there are, by their own names.
    """
    from ..host.technique_files import read_spec

    if name in files:
        return read_spec(files[name])
    specs = [read_spec(file) for file in files.values()]
    by_name = {called: spec for spec in specs for called in (*spec.short_names, spec.name)}
    if name not in by_name:
        raise BadInput(
            f"there is no technique {name!r}{nearest(name, by_name, otherwise='`interp-bench techniques` lists them')}"
        )
    return by_name[name]
