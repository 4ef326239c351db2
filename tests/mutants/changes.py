"""One small wrong change of a module: a sign, a term, a factor of one per cent, a plane, an end."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

#: Names and words that stand for a plane or an end, and what they are taken for.
_SWAPPED = {
    "x": "y",
    "y": "x",
    "min": "max",
    "max": "min",
    "argmin": "argmax",
    "argmax": "argmin",
    "lower": "upper",
    "upper": "lower",
    "nanmin": "nanmax",
    "nanmax": "nanmin",
    "idxmin": "idxmax",
    "idxmax": "idxmin",
    "betx": "bety",
    "bety": "betx",
    "dx": "dy",
    "mux": "muy",
    "muy": "mux",
    "qx": "qy",
    "qy": "qx",
    "cos": "sin",
    "sin": "cos",
    "first": "last",
}
#: What only tells a person something, and keywords of what counts as equal.
_TELLING = ("debug", "info", "warning", "error", "exception", "warn", "echo", "secho")
_ROUNDINGS = ("rtol", "atol", "xtol", "ftol", "gtol", "rel_tol", "abs_tol")
#: Of a drawing, in pixels or parts of its frame: one per cent more of these is the same picture to anyone.
_LOOKS = frozenset(
    (
        *("margin", "xshift", "yshift", "opacity", "bargap", "standoff", "borderpad", "borderaxespad"),
        *("columnspacing", "handlelength", "arrowwidth", "arrowsize", "font", "fontsize", "linewidth", "labelsize"),
        "domain",
    )
)
#: Names of folders, whose ``/`` is no division.
_FOLDERS = ("folder", "out")
#: Keywords of a note, whose place is one in its frame where it is written out.
_ANCHORS = ("xref", "yref", "xanchor", "yanchor")
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


@dataclass(frozen=True)
class Change:
    """Text ``old`` at a place of the source becomes ``new``; ``line`` counts from 1, columns from 0 in bytes."""

    line: int
    begin: int
    end_line: int
    end: int
    old: str
    new: str
    kind: str

    def apply(self, source: str) -> str:
        """The source with the change."""
        lines = [line.encode() for line in source.splitlines(keepends=True)]
        head, tail = lines[self.line - 1][: self.begin], lines[self.end_line - 1][self.end :]
        lines[self.line - 1 : self.end_line] = [head + self.new.encode() + tail]
        return b"".join(lines).decode()


def changes(source: str) -> list[Change]:
    """Every change that this tool knows of a module, in the order of the source; docstrings and types stay."""
    tree = ast.parse(source)
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    left_out = {id(node) for owner in ast.walk(tree) for node in _not_run(owner)}
    looks = {id(part) for owner in ast.walk(tree) for look in _looks(owner) for part in ast.walk(look)}
    found = [change for node in _inside_functions(tree, left_out) for change in _of(node, lines, id(node) in looks)]
    return sorted(
        {(one.line, one.begin, one.new): one for one in found}.values(), key=lambda one: (one.line, one.begin)
    )


def _inside_functions(tree: ast.Module, left_out: set[int]) -> Iterator[ast.AST]:
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in function.body:
                yield from _walk(statement, left_out)


def _walk(node: ast.AST, left_out: set[int]) -> Iterator[ast.AST]:
    if id(node) in left_out:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, left_out)


def _not_run(node: ast.AST) -> Iterator[ast.AST]:
    """Annotations, texts of errors and of logs, strings put together for people, docstrings, roundings."""
    if isinstance(node, ast.arg) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.AnnAssign):
        yield node.annotation
    if isinstance(node, ast.FunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, (ast.Raise, ast.JoinedStr)):
        yield node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _TELLING:
        yield node
    if isinstance(node, ast.FunctionDef) and node.name in ("__repr__", "_repr_html_"):
        yield from node.body
    if isinstance(node, ast.Compare):
        yield from (one for one in (node.left, *node.comparators) if _is_rounding(one))
    if isinstance(node, ast.keyword) and node.arg in _ROUNDINGS:
        yield node.value
    if _adds_rounding(node) and isinstance(node, ast.BinOp):
        yield node.right


def _looks(node: ast.AST) -> Iterator[ast.AST]:
    """What only says how a drawing looks: margins, shifts, fonts, widths, places of notes, a mark's look."""
    if isinstance(node, ast.keyword) and (node.arg in _LOOKS or (node.arg == "width" and _is_constant(node.value))):
        yield node.value
    if isinstance(node, ast.Call) and any(one.arg in _ANCHORS for one in node.keywords):
        yield from (one.value for one in node.keywords if one.arg in ("x", "y") and _is_constant(one.value))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "line":
        yield from (one for one in node.args[3:4] if _is_constant(one))
    if isinstance(node, ast.Dict):
        named = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if _is_word(key)}
        yield from (named.values() if "color" in named else (named[name] for name in _LOOKS & set(named)))


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant)


def _is_word(key: ast.AST | None) -> TypeGuard[ast.Constant]:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def _adds_rounding(node: ast.AST) -> bool:
    """A sum with a number that keeps it from zero or on one side of a limit: added, taken off or left out alike."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and _is_rounding(node.right)


def _scales_rounding(node: ast.AST) -> bool:
    """A product with a constant named as what rounding leaves: one per cent more of it is the same to anyone."""
    return any(isinstance(part, ast.Name) and "ROUNDING" in part.id for part in ast.walk(node))


def _is_rounding(node: ast.AST) -> bool:
    """A number, or so many times one, that tells rounding from a difference: the same to anyone if a bit more."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # above 1e-12 it may be a unit
        return 0.0 < _least(node) <= 1e-12
    return 0.0 < _least(node) <= 1e-6


def _least(node: ast.AST) -> float:
    """The size of the number that a product begins with; 0 where it begins with none."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        node = node.left
    return abs(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, float) else 0.0


def _of(node: ast.AST, lines: Sequence[bytes], look: bool) -> Iterator[Change]:
    if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
        return
    for kind, write in _KINDS.items():
        new = write(node)
        if new is not None and not (look and kind in ("number", "factor 1.01")):
            place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            yield Change(*place, _text(lines, *place), f"({new})", kind)


def _text(lines: Sequence[bytes], line: int, begin: int, end_line: int, end: int) -> str:
    if line == end_line:
        return lines[line - 1][begin:end].decode()
    return b"".join([lines[line - 1][begin:], *lines[line : end_line - 1], lines[end_line - 1][:end]]).decode()


def _operator(node: ast.AST) -> str | None:
    """``a + b`` becomes ``a - b``, ``a * b`` becomes ``a / b``."""
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATORS or _is_text(node) or _adds_rounding(node):
        return None
    if _is_path(node):
        return None
    return ast.unparse(ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right))


def _dropped(node: ast.AST) -> str | None:
    """The second term of a sum or difference is left out."""
    summed = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
    summed = summed and not _is_text(node) and not _adds_rounding(node)
    return ast.unparse(node.left) if summed and isinstance(node, ast.BinOp) else None


def _factor(node: ast.AST) -> str | None:
    """A product is one per cent larger."""
    multiplied = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)) and not _is_text(node)
    multiplied = multiplied and not _scales_rounding(node) and not _is_path(node)
    return f"1.01 * ({ast.unparse(node)})" if multiplied else None


def _sign(node: ast.AST) -> str | None:
    """A minus is lost."""
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return ast.unparse(node.operand) if negative and isinstance(node, ast.UnaryOp) else None


def _comparison(node: ast.AST) -> str | None:
    """A comparison is turned."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
        return None
    return ast.unparse(ast.Compare(node.left, [_COMPARISONS[type(node.ops[0])]()], node.comparators))


def _swapped(node: ast.AST) -> str | None:
    """Another plane, the other end."""
    if isinstance(node, ast.Attribute) and node.attr in _SWAPPED:
        return ast.unparse(ast.Attribute(node.value, _SWAPPED[node.attr]))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        return ast.unparse(ast.Call(ast.Name(_SWAPPED[node.func.id]), node.args, node.keywords))
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _SWAPPED:
        return repr(_SWAPPED[node.value])
    return None


def _place(node: ast.AST) -> str | None:
    """The next place of a list: 0 becomes 1, -1 becomes 0."""
    if not isinstance(node, ast.Subscript):
        return None
    try:
        place = ast.literal_eval(node.slice)
    except ValueError:
        return None
    return ast.unparse(ast.Subscript(node.value, ast.Constant(place + 1))) if type(place) is int else None


def _number(node: ast.AST) -> str | None:
    """A number with decimals is one per cent larger."""
    value = node.value if isinstance(node, ast.Constant) else None
    return repr(1.01 * value) if isinstance(value, float) and value != 0.0 else None


def _is_path(node: ast.AST) -> bool:
    """A file in a folder: what is made of it fails at once, and would only count as caught."""
    first = node
    while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Div):
        first = first.left
    return first is not node and isinstance(first, ast.Name) and first.id in _FOLDERS


def _is_text(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


_KINDS: dict[str, Callable[[ast.AST], str | None]] = {
    "operator": _operator,
    "term dropped": _dropped,
    "factor 1.01": _factor,
    "sign": _sign,
    "comparison": _comparison,
    "swapped": _swapped,
    "place": _place,
    "number": _number,
}
