"""argparse as a magic needs it: it never exits, and whatever is wrong is one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import BadInput
from ..wrong_input import nearest


class Parser(argparse.ArgumentParser):
    """The command line of one subcommand."""

    def __init__(self, name: str) -> None:
        super().__init__(prog=f"%interp {name}", add_help=False, allow_abbrev=False, formatter_class=_Layout)
        self._name = name
        self.flags: list[str] = []
        """The long options, in order."""
        self.takes_words = False

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        """As argparse has it."""
        action = super().add_argument(*names, **settings)
        self.flags += [flag for flag in action.option_strings if flag.startswith("--")]
        self.takes_words = self.takes_words or not action.option_strings
        return action

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """What the words say. Raises BadInput, with the nearest option for one that is unknown."""
        given, unknown = self.parse_known_intermixed_args(list(words))
        for word in unknown:
            if word.startswith("-"):
                name, known = word.split("=")[0], ", ".join(self.flags) or "none"
                hint = nearest(name, self.flags, otherwise=f"it has {known}.")
                raise BadInput(f"{self.prog} has no option {name}{hint}")
            raise BadInput(f"{self.prog} does not know what to do with {word!r}: put quotes around a text.")
        return given

    def error(self, message: str) -> NoReturn:
        """Raise the sentence."""
        raise BadInput(f"{self.prog}: {message}. See %interp help {self._name}.")


class _Layout(argparse.RawDescriptionHelpFormatter):
    """The docstring's own lines; a width of its own, for a kernel has no terminal to measure."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)
