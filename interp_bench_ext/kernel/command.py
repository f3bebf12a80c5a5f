"""The techniques as subcommands of ``%interp``, with options made from their parameters."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..contracts import Parameter, TechniqueSpec
from ..errors import BadInput
from ..wrong_input import nearest
from .arguments import plain
from .client import TechniqueList
from .line import Line, Word
from .listing import Text
from .parser import Parser
from .person_lines import COMMANDS

_UNKNOWN = re.compile(r"\$[A-Za-z_]\w*(\.\w+)*")
"""A word that is nothing but a variable's name, and was given no value."""
ABOUT = ("techniques", *COMMANDS, "help")


def subcommands(specs: TechniqueList) -> list[str]:
    """Everything that may follow ``%interp``."""
    short = [name for spec in specs for name in spec.short_names]
    return list(dict.fromkeys([*short, *(spec.name for spec in specs), *ABOUT]))


def technique(name: str, specs: TechniqueList) -> TechniqueSpec:
    """The technique that ``name`` stands for: the one of that name, or else one that it is short for.

    Raises:
        BadInput: none does; with the nearest name.
    """
    for spec in specs:
        if spec.name == name:
            return spec
    for spec in specs:
        if name in spec.short_names:
            return spec
    known = subcommands(specs)
    hint = nearest(name, known, otherwise=f"it has {', '.join(known)}.")
    raise BadInput(f"%interp has no subcommand {name!r}{hint}")


def usage(name: str, spec: TechniqueSpec) -> Text:
    """How a technique's subcommand is written, and what the technique does."""
    return Text(_parser(name, spec, Line((), ())).format_help())


def options(spec: TechniqueSpec) -> list[str]:
    """The long options of a technique, in the order of its parameters."""
    return _parser(spec.name, spec, Line((), ())).flags


def choices(option: str, spec: TechniqueSpec) -> list[str]:
    """The values that an option may have, where its type lists them."""
    parameter = next((known for known in spec.parameters if option in _flags(known)), None)
    return re.findall(r"'([^']*)'", parameter.type) if parameter and "Literal" in parameter.type else []


def arguments(name: str, spec: TechniqueSpec, line: Line, body: str | None) -> dict[str, Any]:
    """Keyword arguments of the technique for the words after its name; ``body``, the cell's, is its text.

    Raises:
        BadInput: in one sentence, with the nearest option.
    """
    given = _parser(name, spec, line).read(line.words)
    _refuse_stray(name, spec, line, given.words)
    named = {key: value for key, value in vars(given).items() if key != "words"}
    if body is not None and body.strip():
        if given.words:
            raise BadInput(f"%%interp {name} takes its text from the cell, not also from the line.")
        named[_text_parameter(name, spec).name] = body.strip("\n")
    elif given.words:
        parameter = _text_parameter(name, spec)
        named[parameter.name] = _joined(parameter, given.words, line)
    missing = [parameter for parameter in spec.parameters if parameter.default is None and parameter.name not in named]
    if missing:
        raise BadInput(f"%interp {name} needs {_how_to_give(missing, spec)}. See %interp help {name}.")
    return named


def _refuse_stray(name: str, spec: TechniqueSpec, line: Line, text: Sequence[str]) -> None:
    """A text of several words after an option needs quotes: its later words are no part of it otherwise.

    Raises:
        BadInput: One is followed by words that may be meant to be.
    """
    takes_text = {flag for parameter in spec.parameters if _is_text(parameter) for flag in _flags(parameter)}
    loose = {id(word) for word in text}
    for option, word, after in zip(line.words, line.words[1:], line.words[2:], strict=False):
        if option in takes_text and not word.quoted and not line.is_variable(word) and id(after) in loose:
            raise BadInput(
                f"%interp {name}: does {line.text(after)!r} belong to {option} {line.text(word)}? Put quotes around a"
                " text of several words."
            )


def _how_to_give(missing: Sequence[Parameter], spec: TechniqueSpec) -> str:
    """For example ``a text (prompts) and --prefill``."""
    first = _first_required(spec)
    ways = (f"a text ({p.name})" if p is first else _flags(p)[0] for p in missing)
    return " and ".join(ways)


def _joined(parameter: Parameter, given: Sequence[Word], line: Line) -> Any:
    """Quoted texts and variables are several where the parameter takes several; anything else is one text."""
    many = _takes_many(parameter) and all(word.quoted or line.is_variable(word) for word in given)
    if len(given) > 1 and not many:
        return _value(parameter, line)(" ".join(word.typed for word in given))
    try:
        values = [_value(parameter, line)(word) for word in given]
    except argparse.ArgumentTypeError as error:
        raise BadInput(f"{parameter.name}: {error}.") from None
    return values[0] if len(values) == 1 else [item for value in values for item in _listed(value)]


def _first_required(spec: TechniqueSpec) -> Parameter | None:
    return next((parameter for parameter in spec.parameters if parameter.default is None), None)


def _text_parameter(name: str, spec: TechniqueSpec) -> Parameter:
    """Where words without an option go: the first required parameter, or else the first that takes a text."""
    texts = (parameter for parameter in spec.parameters if _words_of(parameter) & {"str", "Prompts"})
    parameter = _first_required(spec) or next(texts, None)
    if parameter is None:
        raise BadInput(f"%interp {name} takes no text, only options. See %interp help {name}.")
    return parameter


def _parser(name: str, spec: TechniqueSpec, line: Line) -> Parser:
    parser = Parser(name)
    parser.description = spec.doc.split("\nArgs:")[0].strip()
    parser.usage = " ".join([f"%%interp {name} [TEXT …]", *(f"[{_flags(p)[0]} …]" for p in spec.parameters)])
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    for parameter in spec.parameters:
        settings: dict[str, Any] = {"dest": parameter.name, "default": argparse.SUPPRESS}
        settings["help"] = _help(parameter).replace("%", "%%")
        if _words_of(parameter) == {"bool"}:
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings |= {"type": _value(parameter, line), "metavar": "VALUE"}
            settings["action"] = _Collect if _takes_many(parameter) else "store"
        parser.add_argument(*_flags(parameter), **settings)
    return parser


class _Collect(argparse.Action):
    """Given again and again makes a list; so does ``1,2,3``, and ``--targets yes,no``, but not ``--target yes,no``."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        several = option is not None and option.endswith("s") and isinstance(values, str) and " " not in values
        found = values.split(",") if several else _listed(values)
        setattr(namespace, self.dest, [*getattr(namespace, self.dest, []), *found])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _help(parameter: Parameter) -> str:
    default = "required" if parameter.default is None else f"default {parameter.default}"
    again = ", may be given again" if _takes_many(parameter) else ""
    return f"{parameter.help.strip()} ({parameter.type}; {default}{again})".strip()


def _flags(parameter: Parameter) -> list[str]:
    """``-n`` for ``n``; ``--target`` and ``--targets`` for ``targets``."""
    name = parameter.name.replace("_", "-")
    flags = [f"--{name}"]
    if len(name) == 1:
        flags.insert(0, f"-{name}")
    if _takes_many(parameter) and name.endswith("s"):
        flags.insert(0, "--" + re.sub(r"(?<=x)es$|s$", "", name))
    return flags


def _words_of(parameter: Parameter) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", parameter.type)) - {"None", "Optional"}


def _takes_many(parameter: Parameter) -> bool:
    return bool(_words_of(parameter) & {"list", "List", "Sequence", "tuple", "Iterable", "Prompts"})


def _value(parameter: Parameter, line: Line) -> Callable[[str], Any]:
    """How a word becomes the parameter's value."""
    names, is_text = _words_of(parameter), _is_text(parameter)

    def value(word: str) -> Any:
        found = line.value(word)
        if isinstance(found, str) and _UNKNOWN.fullmatch(found) and not getattr(word, "quoted", False):
            raise argparse.ArgumentTypeError(f"there is no variable {found}; put quotes around it if it is a text")
        if not isinstance(found, str):
            return str(found) if is_text and isinstance(found, (int, float)) else plain(found, parameter.name)
        if is_text:
            return _literal(found) if word.startswith(("[", "{")) else found
        listed = _takes_many(parameter) and re.fullmatch(r"[-+.\d]+(,[-+.\d]+)+", found)
        try:
            return ast.literal_eval(f"[{found}]" if listed else found)
        except (ValueError, SyntaxError):
            expected = " or ".join(sorted(names))
            raise argparse.ArgumentTypeError(f"takes {expected}, not {found!r}") from None

    return value


def _is_text(parameter: Parameter) -> bool:
    names = _words_of(parameter)
    return bool(names & {"str", "Prompts", "Conversation", "Message", "Literal", "Any"}) or not names


def _literal(text: str) -> Any:
    """A conversation or a list that was typed out; other texts may begin with a bracket, too."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
