"""Lines of a module by what stands in them, so that what was recorded of one stays true when others move."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
_HEADED = (
    ast.If,
    ast.For,
    ast.While,
    ast.With,
    ast.Try,
    ast.Match,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
)


@dataclass(frozen=True)
class Scope:
    """A function of a module: its dotted name, its lines, the names of its decorators, those of all it names."""

    name: str
    first: int
    last: int
    decorators: tuple[str, ...]
    named: frozenset[str]
    outer: bool  # stands in no other function

    def has(self, line: int) -> bool:
        """Whether the line is one of the function's."""
        return self.first <= line <= self.last


def scopes(source: str) -> list[Scope]:
    """Every function of a module, an outer one before those in it."""
    return list(_scopes(ast.parse(source), "", True))


def _scopes(node: ast.AST, prefix: str, outer: bool) -> Iterator[Scope]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield _scope(child, prefix, outer)
            yield from _scopes(child, f"{prefix}{child.name}.<locals>.", False)
        elif isinstance(child, ast.ClassDef):
            yield from _scopes(child, f"{prefix}{child.name}.", outer)
        else:
            yield from _scopes(child, prefix, outer)


def _scope(node: Function, prefix: str, outer: bool) -> Scope:
    named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    named |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    decorators = tuple(ast.unparse(one) for one in node.decorator_list)
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return Scope(f"{prefix}{node.name}", first, node.end_lineno or node.lineno, decorators, frozenset(named), outer)


def keys(source: str) -> dict[int, str]:
    """Of each line inside a function: the function's name and the text of the line."""
    text = source.splitlines()
    found: dict[int, str] = {}
    for scope in scopes(source):  # an inner function comes later and takes its lines
        for line in range(scope.first, scope.last + 1):
            found[line] = f"{scope.name}|{text[line - 1].strip()}"
    return found


def statement(source: str, line: int) -> range:
    """The lines of the statement that a line belongs to; of one that holds others, its head."""
    best = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            last = _end_of_head(node)
            if line <= last:  # ast.walk gives the outer statement first: the innermost stays
                best = range(node.lineno, last + 1)
    return best


def _end_of_head(node: ast.stmt) -> int:
    if not isinstance(node, _HEADED):
        return node.end_lineno or node.lineno
    inside: list[int] = [part.lineno for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
    inside += [case.body[0].lineno for case in getattr(node, "cases", [])]
    return max(node.lineno, min(inside, default=node.lineno) - 1)
