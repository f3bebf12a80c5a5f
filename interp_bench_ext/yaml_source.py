"""YAML files checked by pydantic, with the file, line and column of whatever is wrong."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from .errors import ConfigError
from .wrong_input import message_of, nearest
from .yaml_limits import MOST_BYTES, TooMuch, check_limits

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]


def load(path: Path, model: type[Model], *, context: dict[str, Any] | None = None) -> Model:
    """Read ``path`` into ``model``.

    Raises ConfigError in one sentence per problem: what is wrong, ``file:line:column`` and the key, what to do.
    """
    tree = _parse(path)
    if not isinstance(tree, CommentedMap):
        raise ConfigError(f"{path}: a mapping of keys is expected, such as `{next(iter(model.model_fields))}: …`")
    try:
        return model.model_validate(_plain(tree), context=context)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentences(path, tree, model, error))) from None


def _parse(path: Path) -> Any:
    text = text_of(path)
    try:
        check_limits(YAML(typ="rt").parse(text))
        return YAML(typ="rt").load(text)
    except TooMuch as error:
        raise ConfigError(f"{path}:{error.line}:1: this is too much for a config ({error})") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(f"{where}: this is not valid YAML ({_first_line(error.problem)})") from None
    except YAMLError as error:
        raise ConfigError(f"{path}: this is not valid YAML ({_first_line(str(error))})") from None
    except Exception:  # noqa: BLE001 - what makes values of texts raises whatever it stumbles over
        raise ConfigError(f"{path}: this is not valid YAML (a value in it is none of its kind)") from None


def text_of(path: Path) -> str:
    """The text of a file that is no larger than configs are. Raises ConfigError."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ConfigError(f"{path}: this is no file; name a YAML file")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ConfigError(f"{path}: a config has at most {MOST_BYTES:,} bytes")
        return raw.decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file{_nearby(path)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: this is a folder; name a YAML file in it") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is not a text file in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def _first_line(text: str | None) -> str:
    return (text or "syntax error").strip().splitlines()[0]


def _nearby(path: Path) -> str:
    names = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    return nearest(path.name, names, otherwise="")


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, str):
        return str(node)
    return node


def _sentences(path: Path, tree: CommentedMap, model: type[BaseModel], error: ValidationError) -> list[str]:
    out = []
    problems = error.errors(include_url=False, include_context=False, include_input=True)
    # A misspelt key is also a missing one: what is there comes first, as only the first sentence may be shown.
    for problem in sorted(problems, key=lambda problem: problem["type"] == "missing"):
        location = problem["loc"]
        line, column = _position(tree, location)
        key = ".".join(str(part) for part in location) or "the file"
        out.append(f"{path}:{line}:{column}: {_what(key, problem, model, location)}")
    return out


def _what(key: str, problem: Any, model: type[BaseModel], location: Location) -> str:
    if problem["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        hint = nearest(str(location[-1]), known, otherwise=f"known keys: {', '.join(sorted(known))}")
        return f"unknown key `{key}`{hint}"
    if problem["type"] == "missing":
        return f"the key `{key}` is missing; add it"
    return f"`{key}`: {message_of(problem)}"


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that the model nested at ``location`` knows."""
    annotation: Any = model
    for part in location:
        annotation = _inside(annotation, part)
    found = next((kind for kind in _kinds(annotation) if _is_model(kind)), None)
    return list(found.model_fields) if found is not None else []


def _inside(annotation: Any, part: int | str) -> Any:
    """What is at ``part`` of something of this type: a model, or a mapping or sequence of one type."""
    for kind in _kinds(annotation):
        if _is_model(kind):
            field = kind.model_fields.get(str(part))
            return field.annotation if field is not None else None
        if typing.get_origin(kind) in (dict, list, tuple):
            return typing.get_args(kind)[int(typing.get_origin(kind) is dict)]
    return None


def _kinds(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _position(tree: CommentedMap, location: Location) -> tuple[int, int]:
    """Line and column, from 1, of the deepest part of ``location`` that the file holds."""
    node: Any = tree
    position = (1, 1)
    for part in location:
        if isinstance(node, CommentedMap) and part in (node.lc.data or ()):  # what was merged in has no place
            line, column = node.lc.key(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            break
        position = (line + 1, column + 1)
        node = node[part]
    return position
