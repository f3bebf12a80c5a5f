"""``%interp`` in a notebook: the organism's techniques as short commands."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class

from ..errors import BadInput, InterpBenchError, OrganismLost
from . import command
from .client import RemoteOrganism, TechniqueList, connect

_EXAMPLES = """\
%interp prefill "What is your secret?" --prefill "My secret is" -n 4
%interp lens "The capital of France is" --raw --target " Paris"
%interp probs "Are you a cat?" --target yes --target no
%%interp chat                   the cell's text is the prompt
result = %interp chat "Hello"   keeps the result instead of showing it
%interp help prefill            options of one command"""


@magics_class
class InterpMagics(Magics):
    """The magic, with the organism it is connected to."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._organism: RemoteOrganism | None = None
        self._specs: TechniqueList | None = None

    @line_cell_magic
    def interp(self, line: str, cell: str | None = None) -> Any:
        """Ask the organism: ``%interp chat "Hello"``; ``%interp help`` lists the commands."""
        # A semicolon at the end silences a result in IPython and is no part of the text.
        name, _, rest = line.strip().removesuffix(";").partition(" ")
        try:
            return self._run(name or "help", rest, cell)
        except OrganismLost:
            # A new organism may have another address.
            self._organism = self._specs = None
            raise

    def _run(self, name: str, rest: str, cell: str | None) -> Any:
        if name == "help":
            return self._help(rest.strip())
        if name in command.ABOUT:
            return self._techniques() if name == "techniques" else self._status()
        spec = command.technique(name, self._techniques_for(name))
        if {"-h", "--help"} & set(rest.split()):
            return command.usage(name, spec)
        return self._connected().call(spec.name, **command.arguments(name, spec, rest, cell))

    def _help(self, name: str) -> command.Text:
        if name and name not in command.ABOUT:
            return command.usage(name, command.technique(name, self._techniques_for(name)))
        known = ", ".join(command.subcommands(self._techniques()))
        return command.Text(f"%interp COMMAND …, where COMMAND is one of {known}\n\n{_EXAMPLES}")

    def _status(self) -> command.Text:
        health = self._connected().status()
        return command.Text("\n".join(f"{key}: {value}" for key, value in health.items()))

    def _connected(self) -> RemoteOrganism:
        if self._organism is None:
            self._organism = connect()
        return self._organism

    def _techniques(self) -> TechniqueList:
        self._specs = self._connected().techniques()
        return self._specs

    def _techniques_for(self, name: str) -> TechniqueList:
        """The techniques as last listed, listed again when ``name`` is not among them."""
        if self._specs is None or name not in command.subcommands(self._specs):
            return self._techniques()
        return self._specs

    def complete(self, _: Any, event: Any) -> list[str]:
        """Completions of a ``%interp`` line: subcommands, then the options of the one that is there."""
        try:
            specs = self._specs or self._techniques()
        except InterpBenchError:
            return []
        given = event.text_until_cursor.split()[1:]
        if event.text_until_cursor[-1:].isspace():
            given.append("")
        if len(given) <= 1:
            return command.subcommands(specs)
        if given[0] == "help":
            return command.subcommands(specs)
        try:
            return [*command.options(command.technique(given[0], specs)), "--help"]
        except BadInput:
            return []


class _ShowStatements(ast.NodeTransformer):
    """Makes a ``%interp`` line show its result wherever it stands as a statement.

    Python shows only a cell's last expression; an assignment keeps its result to itself, as everywhere.
    """

    def visit_Module(self, node: ast.Module) -> ast.Module:  # noqa: N802
        *before, last = node.body or [ast.Pass()]
        before = [self.visit(statement) for statement in before]
        node.body = [*before, last if isinstance(last, ast.Expr) else self.visit(last)]
        return ast.fix_missing_locations(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:  # noqa: N802
        if _is_interp(node.value):
            shown = ast.Call(func=ast.Name("display", ast.Load()), args=[node.value], keywords=[])
            return ast.copy_location(ast.Expr(ast.copy_location(shown, node.value)), node)
        return node


def _is_interp(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(value="interp"), *_]):
            return True
    return False


def load(shell: InteractiveShell) -> None:
    """Register the magic, its completion and its display."""
    magics = InterpMagics(shell)
    shell.register_magics(magics)
    for key in ("%interp", "%%interp"):
        shell.set_hook("complete_command", magics.complete, str_key=key)  # type: ignore[no-untyped-call]
    transformers: Sequence[Any] = shell.ast_transformers
    if not any(isinstance(transformer, _ShowStatements) for transformer in transformers):
        shell.ast_transformers.append(_ShowStatements())
