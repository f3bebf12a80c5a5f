"""Statements of a cell that are ``%interp`` lines, and what they show."""

from __future__ import annotations

import ast


class ShowStatements(ast.NodeTransformer):
    """Makes a ``%interp`` line show its result wherever it stands as a statement, unless a semicolon silences it.

    Python shows only a cell's last expression; an assignment keeps its result to itself, as everywhere.
    """

    def visit_Module(self, node: ast.Module) -> ast.Module:  # noqa: N802
        *before, last = node.body or [ast.Pass()]
        before = [self.visit(statement) for statement in before]
        if not (isinstance(last, ast.Expr) and _is_interp(last.value) and not _is_silenced(last.value)):
            last = self.visit(last)
        node.body = [*before, last]
        return ast.fix_missing_locations(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:  # noqa: N802
        if not _is_interp(node.value):
            return node
        made: ast.expr
        if _is_silenced(node.value):
            both = ast.Tuple([node.value, ast.Constant(None)], ast.Load())
            made = ast.Subscript(both, ast.Constant(1), ast.Load())
        else:
            made = ast.Call(func=ast.Name("display", ast.Load()), args=[node.value], keywords=[])
        return ast.copy_location(ast.Expr(ast.copy_location(made, node.value)), node)


def _is_interp(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(value="interp"), *_]):
            return True
    return False


def _is_silenced(node: ast.expr) -> bool:
    match node:
        case ast.Call(args=[_, ast.Constant(value=str(line))]):
            return line.rstrip().endswith(";")
    return False
