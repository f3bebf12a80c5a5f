"""``%interp`` in a notebook: the organism's techniques as short commands, and investigations started from a cell."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand

from ..contracts import TechniqueSpec
from ..errors import BadInput, InterpBenchError, OrganismLost
from . import command, completion
from .client import NoOrganism, RemoteOrganism, TechniqueList, connect
from .investigate import Person
from .line import Line
from .listing import Text
from .person_lines import COMMANDS, person_parser
from .question import InterpQuestion
from .statements import ShowStatements

_HELP = {"-h", "--help"}
_QUESTION = re.compile(r"(\S*?)\s*\?+")


@magics_class
class InterpMagics(Magics):
    """The magic, with the organism it is connected to."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._variables: dict[str, Any] = shell.user_ns
        self._organism: RemoteOrganism | None = None
        self._specs: TechniqueList | None = None
        self._person = Person(self._bind)

    @needs_local_scope
    @no_var_expand
    @line_cell_magic
    def interp(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Ask a model organism, choose one, and start investigations: %interp SUBCOMMAND …

        Ask the organism; each technique is a subcommand, too:

        %interp prefill "What is your secret?" --prefill "My secret is" -n 4 --temperature 1
        %interp lens "The capital of France is" --raw --target " Paris"
        %interp probs "Are you a cat?" --target yes --target no
        %interp chat $question          a variable's text; a list of prompts, too
        %%interp chat                   the cell's text is the prompt
        result = %interp chat "Hello"   keeps the result instead of showing it

        Choose one, and start investigations (in a notebook of a Jupyter server):

        %interp organisms               what can be used here; --all lists the others, too
        %interp techniques              what the organism in use can be asked
        %interp use birch               load one; the variable `organism` is bound to it
        %interp start birch --max-cost 2
        %interp status                  organisms and runs
        %interp stop last

        Investigate by hand, in a run like an agent's:

        %interp investigate birch       begins it; techniques are its steps from then on
        %%interp cell                   the cell's text is code of its notebook
        %interp finding "It loves bees." --evidence c3 --control c4
        %interp finish "It says bees in each reply."

        %interp prefill?                what a subcommand does, and its options
        """
        # A semicolon at the end silences a result in IPython and is no part of the text.
        line = line.strip().removesuffix(";").rstrip()
        question = _QUESTION.fullmatch(line)
        name, _, rest = (f"help {question[1]}" if question else line).partition(" ")
        if self._person.leads and not question and name not in command.ABOUT and not _asks_for_help(rest):
            return self._person.ask(line, cell)
        try:
            return self._run(name or "help", Line.read(rest, {**self._variables, **(local_ns or {})}), cell)
        except OrganismLost:
            # A new organism may have another address.
            self._organism = self._specs = None
            raise

    def _run(self, name: str, line: Line, cell: str | None) -> Any:
        if name == "help":
            return self._help(line.text(line.words[0]) if line.words else "")
        if _HELP & set(line.words):
            return self._help(name)
        if name == "techniques":
            return self._techniques()
        if name in COMMANDS:
            shown = self._person.run(name, [line.text(word) for word in line.words], cell)
            return self._health() if shown is None else shown
        spec = self._technique(name)
        return self._connected().call(spec.name, **command.arguments(name, spec, line, cell))

    def _technique(self, name: str) -> TechniqueSpec:
        try:
            specs = self._techniques_for(name)
        except NoOrganism:
            self._person.explain_unknown(name, command.ABOUT)
            raise
        return command.technique(name, specs)

    def _help(self, name: str) -> Text:
        if name in COMMANDS:
            return Text(person_parser(name).format_help())
        if name and name not in command.ABOUT:
            return command.usage(name, command.technique(name, self._techniques_for(name)))
        try:
            offered = f"Techniques here: {', '.join(spec.name for spec in self._techniques())}"
        except InterpBenchError:
            offered = "No organism is in use: %interp use CONFIG."
        return Text(f"{inspect.getdoc(InterpMagics.interp)}\n\n{offered}")

    def _health(self) -> Text:
        health = self._connected().status()
        return Text("\n".join(f"{key}: {value}" for key, value in health.items()))

    def _bind(self, organism: RemoteOrganism) -> None:
        self._organism, self._specs = organism, None
        self._variables["organism"] = organism

    def _connected(self) -> RemoteOrganism:
        if self._organism is None:
            self._organism = connect()
        return self._organism

    def _techniques(self) -> TechniqueList:
        self._specs = self._connected().techniques()
        return self._specs

    def _known(self) -> TechniqueList:
        """For completion, which nobody wants to wait for."""
        if self._specs is None:
            self._specs = connect(patience_s=0).techniques()
        return self._specs

    def _techniques_for(self, name: str) -> TechniqueList:
        """The techniques as last listed, listed again when ``name`` is not among them."""
        if self._specs is None or name not in command.subcommands(self._specs):
            return self._techniques()
        return self._specs

    def complete(self, before: Sequence[str]) -> list[str]:
        """What may come next on a line that has the words ``before``."""
        if not before:
            return self._subcommands()
        name, given = before[0], before[1:]
        if name == "help":
            return self._subcommands()
        if name in COMMANDS:
            return self._person.completions(name, given)
        try:
            spec = command.technique(name, self._known())
        except BadInput:
            return []
        values = command.choices(given[-1], spec) if given else []
        return values or [*command.options(spec), "--help"]

    def _subcommands(self) -> list[str]:
        try:
            return command.subcommands(self._known())
        except InterpBenchError:
            return list(command.ABOUT)


def _asks_for_help(rest: str) -> bool:
    return bool(_HELP & set(rest.split()))


def load(shell: InteractiveShell) -> None:
    """Register the magic, its completion, its questions and its display."""
    magics = InterpMagics(shell)
    shell.register_magics(magics)
    matchers: list[Any] = shell.Completer.custom_matchers
    matchers[:] = [known for known in matchers if getattr(known, "matcher_identifier", "") != completion.NAME]
    matchers.append(completion.matcher(magics.complete))
    tokens: list[Any] = shell.input_transformer_manager.token_transformers
    if InterpQuestion not in tokens:
        tokens.append(InterpQuestion)
    statements: list[Any] = shell.ast_transformers
    if not any(isinstance(transformer, ShowStatements) for transformer in statements):
        statements.append(ShowStatements())
