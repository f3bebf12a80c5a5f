"""``%interp``'s command line: one subcommand per technique, its options made from the technique's parameters."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Callable
from typing import Any, NoReturn

from ..contracts import Parameter, TechniqueSpec
from ..errors import BadInput
from .arguments import nearest
from .client import TechniqueList

SHORT_NAMES = {
    "prefill": ("prefill_attack",),
    "lens": ("logit_lens",),
    "probs": ("analyze_token_probs",),
    "chat": ("chat", "sample"),
    "sample": ("sample", "chat"),
    "persona": ("user_persona",),
    "complete": ("text_completion",),
    "diff": ("adapter_diff",),
    "info": ("get_model_info",),
}
"""Short subcommands, each with the techniques that it may stand for: the first one offered is meant."""
ABOUT = ("techniques", "status", "help")


class Text(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class _Parser(argparse.ArgumentParser):
    """Argparse without its exits: what is wrong is one sentence."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"%interp {self.prog}: {message}. See %interp help {self.prog}.")


class _Layout(argparse.RawDescriptionHelpFormatter):
    """The docstring's own lines; a width of its own, for a kernel has no terminal to measure."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def words(line: str) -> list[str]:
    """The line's words, quotes respected.

    Raises:
        BadInput: a quote is not closed.
    """
    try:
        return shlex.split(line)
    except ValueError:
        raise BadInput('A quote is not closed: write %interp chat "…", with \\" for a quote inside.') from None


def subcommands(specs: TechniqueList) -> list[str]:
    """Everything that may follow ``%interp``."""
    names = [spec.name for spec in specs]
    short = [name for name, meant in SHORT_NAMES.items() if set(meant) & set(names)]
    return list(dict.fromkeys([*short, *names, *ABOUT]))


def technique(name: str, specs: TechniqueList) -> TechniqueSpec:
    """The technique that ``name`` stands for.

    Raises:
        BadInput: none does; with the nearest name.
    """
    offered = {spec.name: spec for spec in specs}
    for meant in (*SHORT_NAMES.get(name, ()), name):
        if meant in offered:
            return offered[meant]
    if name in SHORT_NAMES:
        needed = SHORT_NAMES[name][0]
        raise BadInput(f"%interp {name} needs the technique {needed}, which this organism does not offer.")
    known = subcommands(specs)
    raise BadInput(f"%interp has no subcommand {name!r}{nearest(name, known)}; it has {', '.join(known)}.")


def usage(name: str, spec: TechniqueSpec) -> Text:
    """How a technique's subcommand is written, and what the technique does."""
    return Text(_parser(name, spec).format_help())


def options(spec: TechniqueSpec) -> list[str]:
    """The long options of a technique, in the order of its parameters."""
    return [flag for parameter in spec.parameters for flag in _flags(parameter) if flag.startswith("--")]


def arguments(name: str, spec: TechniqueSpec, line: str, body: str | None) -> dict[str, Any]:
    """Keyword arguments of the technique for the rest of a ``%interp`` line; ``body``, the cell's, is its text.

    Raises:
        BadInput: in one sentence, with the nearest option.
    """
    given, unknown = _parser(name, spec).parse_known_args(words(line))
    for word in unknown:
        known = options(spec)
        if word.startswith("-"):
            hint = nearest(word.split("=")[0], known)
            raise BadInput(f"%interp {name} has no option {word}{hint}; it has {', '.join(known) or 'none'}.")
        raise BadInput(f"%interp {name} does not know what to do with {word!r}: put quotes around a text.")
    named = {key: value for key, value in vars(given).items() if key != "words"}
    first = _first_required(spec)
    if body is not None and body.strip():
        if given.words:
            raise BadInput(f"%%interp {name} takes its text from the cell, not also from the line.")
        named[_text_parameter(name, spec).name] = body.strip("\n")
    elif given.words:
        quoted = '"' in line or "'" in line
        named[_text_parameter(name, spec).name] = _joined(_text_parameter(name, spec), given.words, quoted)
    if first is not None and first.name not in named:
        raise BadInput(f'%interp {name} needs its {first.name}: %interp {name} "…". See %interp help {name}.')
    return named


def _joined(parameter: Parameter, given: list[str], quoted: bool) -> Any:
    """Words without quotes are one text; quoted ones are several where the parameter takes several."""
    if not quoted or (len(given) > 1 and not _takes_many(parameter)):
        return _value(parameter)(" ".join(given))
    values = [_value(parameter)(word) for word in given]
    return values[0] if len(values) == 1 else values


def _first_required(spec: TechniqueSpec) -> Parameter | None:
    return next((parameter for parameter in spec.parameters if parameter.default is None), None)


def _text_parameter(name: str, spec: TechniqueSpec) -> Parameter:
    """Where words without an option go: the first required parameter, or else the first that takes a text."""
    texts = (parameter for parameter in spec.parameters if _words_of(parameter) & {"str", "Prompts"})
    parameter = _first_required(spec) or next(texts, None)
    if parameter is None:
        raise BadInput(f"%interp {name} takes no text, only options. See %interp help {name}.")
    return parameter


def _parser(name: str, spec: TechniqueSpec) -> _Parser:
    parser = _Parser(prog=name, add_help=False, allow_abbrev=False, formatter_class=_Layout)
    parser.description = spec.doc.split("\nArgs:")[0].strip().replace("%", "%%")
    parser.usage = " ".join([f"%%interp {name} [TEXT …]", *(f"[{_flags(p)[0]} …]" for p in spec.parameters)])
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    for parameter in spec.parameters:
        settings: dict[str, Any] = {"dest": parameter.name, "default": argparse.SUPPRESS}
        settings["help"] = _help(parameter).replace("%", "%%")
        if _words_of(parameter) == {"bool"}:
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings |= {"type": _value(parameter), "metavar": "VALUE"}
            settings["action"] = _Collect if _takes_many(parameter) else "store"
        parser.add_argument(*_flags(parameter), **settings)
    return parser


class _Collect(argparse.Action):
    """Given once: the value itself; given again: a list. ``1,2,3`` is a list of numbers."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        new = values if isinstance(values, list) else [values]
        setattr(namespace, self.dest, [*getattr(namespace, self.dest, []), *new])


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


def _value(parameter: Parameter) -> Callable[[str], Any]:
    """How a word becomes the parameter's value; its name is what argparse calls a wrong one."""
    names = _words_of(parameter)
    is_text = bool(names & {"str", "Prompts", "Conversation", "Message", "Literal", "Any"}) or not names

    def value(word: str) -> Any:
        if not is_text and _takes_many(parameter) and re.fullmatch(r"[-+.\d]+(,[-+.\d]+)+", word):
            word = f"[{word}]"
        if is_text and not word.startswith(("[", "{")):
            return word
        return _literal(word, is_text)

    value.__name__ = " or ".join(sorted(names)) or "text"
    return value


def _literal(word: str, is_text: bool) -> Any:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        if is_text:
            return word
        raise ValueError(word) from None
