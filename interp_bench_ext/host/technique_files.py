"""Technique files: found in folders, described without running them, loaded in the organism's process.

A technique is a file ``name.py`` with one public function ``name(organism, *, …)``. Its Google docstring has a section
``Args:`` and a line ``Access: <level>``; a file whose name begins with an underscore is a helper of the others.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from types import ModuleType
from typing import Any

from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec
from interp_bench_ext.docstrings import arguments_in
from interp_bench_ext.errors import BadInput

_ACCESS_LINE = re.compile(r"^Access:\s*(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Technique:
    """A loaded technique."""

    spec: TechniqueSpec
    function: Callable[..., Any]
    path: Path


def read_spec(file: Path) -> TechniqueSpec:
    """Describe a technique from its source alone, so that a server needs neither torch nor trust in the file.

    Raises BadInput when the file is not one public function of the file's name with the organism as its first argument.
    """
    try:
        tree = ast.parse(file.read_text("utf-8"), filename=file.name)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise BadInput(f"The technique file {file.name} cannot be read: {error}.") from None
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    if [node.name for node in public] != [file.stem]:
        raise BadInput(
            f"The technique file {file.name} must have exactly one public function, named {file.stem}; "
            f"it has {', '.join(node.name for node in public) or 'none'}."
        )
    function = public[0]
    if len(function.args.args) != 1 or function.args.vararg or function.args.kwarg:
        raise BadInput(
            f"{file.name}: {function.name} takes the organism as its one positional argument, and the caller's "
            "arguments by keyword after a *."
        )
    doc = cleandoc(ast.get_docstring(function) or "")
    return TechniqueSpec(
        name=function.name,
        summary=doc.split("\n", 1)[0],
        doc=doc,
        access=_access(doc, file),
        parameters=_parameters(function, doc),
    )


def _access(doc: str, file: Path) -> Access:
    """The level in the docstring; code that does not say has the run of the weights."""
    stated = _ACCESS_LINE.search(doc)
    if stated is None:
        return Access.WEIGHTS
    if stated[1] not in list(Access):
        raise BadInput(f"{file.name}: 'Access: {stated[1]}' is none of {', '.join(Access)}.")
    return Access(stated[1])


def _parameters(function: ast.FunctionDef, doc: str) -> tuple[Parameter, ...]:
    help_texts = arguments_in(doc)
    return tuple(
        Parameter(
            name=argument.arg,
            type=ast.unparse(argument.annotation) if argument.annotation else "Any",
            default=None if default is None else ast.unparse(default),
            help=help_texts.get(argument.arg, ""),
        )
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    )


def load_techniques(files: Iterable[Path]) -> dict[str, Technique]:
    """Run the files and return what they define.

    Raises BadInput for a file that is no technique or that raises when it is imported.
    """
    found: dict[str, Technique] = {}
    for file in files:
        spec = read_spec(file)
        found[spec.name] = Technique(spec, _load_function(file, spec.name), file)
    return found


def _load_function(file: Path, name: str) -> Callable[..., Any]:
    """Import by path, inside a package made for the folder, so that helpers can be imported relatively."""
    package = f"_interp_bench_techniques_{hashlib.sha256(str(file.parent).encode()).hexdigest()[:8]}"
    if package not in sys.modules:
        folder = ModuleType(package)
        folder.__path__ = [str(file.parent)]
        sys.modules[package] = folder
    import_spec = importlib.util.spec_from_file_location(f"{package}.{name}", file)
    assert import_spec is not None
    assert import_spec.loader is not None
    module = importlib.util.module_from_spec(import_spec)
    sys.modules[import_spec.name] = module
    try:
        import_spec.loader.exec_module(module)
    except Exception as error:  # somebody else's code: whatever it raises is one sentence about the file
        raise BadInput(
            f"The technique file {file.name} raises when it is imported: {type(error).__name__}: {error}"
        ) from error
    function: Callable[..., Any] = getattr(module, name)
    return function
