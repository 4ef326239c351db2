"""Which statements of a MAD-X file are followed, and how often: IF, WHILE and macros are carried out as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from lattice.errors import counted, did_you_mean
from lattice.madx import control
from lattice.madx.syntax import Command
from lattice.madx.text import Statement

#: Statements that say which others are followed.
FLOW = frozenset(("if", "elseif", "else", "while", "macro", "exec"))
#: Statements that blocks and macros of one file may come to, and macros that may call each other.
MOST_STATEMENTS, DEEPEST = 30_000, 20
#: Follows statements; "return" where one of them ends the file.
Followed = Callable[[Iterable[Statement]], str]


class Flow:
    """Macros so far, and whether a branch of the IF before was ``taken`` (None: no IF stands before).

    ``number`` gives the value of an expression, ``note`` puts a statement into the warnings.
    """

    def __init__(self, number: Callable[[Statement, str], float], note: Callable[[Statement, str], None]) -> None:
        self.number, self.note = number, note
        self.macros: dict[str, control.Macro] = {}
        self.taken: bool | None = None
        self.depth = 0
        self.followed = 0

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Statements of a block or file of their own: an IF outside is not theirs."""
        outer, self.taken = self.taken, None
        try:
            yield
        finally:
            self.taken = outer

    def follow(self, statement: Statement, node: Command, followed: Followed) -> str:
        """Carry out one of FLOW; "return" where what it follows ends the file."""
        if node.keyword == "macro":
            self.macros[str(node.label)] = control.macro(statement, node)
            return ""
        if node.keyword == "exec":
            return self._execute(statement, node, followed)
        block = control.block(statement, node)
        return self._repeat(block, followed) if node.keyword == "while" else self._branch(block, node, followed)

    def _branch(self, block: control.Block, node: Command, followed: Followed) -> str:
        if node.keyword != "if" and self.taken is None:
            raise block.statement.cannot_be_read(f"'{node.keyword}' without an 'if' before it")
        before = bool(self.taken) and node.keyword != "if"
        now = not before and (node.keyword == "else" or self._holds(block))
        ended = followed(map(self._count, block.statements())) if now else ""
        self.taken = before or now
        if now or node.keyword == "if":
            decision = "taken" if node.keyword == "else" else "true" if now else "false"
            self.note(block.statement, f"decided when the file is read: {decision}")
        return ended

    def _repeat(self, block: control.Block, followed: Followed) -> str:
        self.note(block.statement, "repeated when the file is read")
        while self._holds(block):
            self._count(block.statement)
            if followed(map(self._count, block.statements())) == "return":
                return "return"
        return ""

    def _holds(self, block: control.Block) -> bool:
        return control.holds(block.statement, block.condition, partial(self.number, block.statement))

    def _execute(self, statement: Statement, node: Command, followed: Followed) -> str:
        name, given = control.called(statement, node)
        if name not in self.macros:
            raise statement.cannot_be_read(f"there is no macro '{name}'{did_you_mean(name, self.macros)}")
        macro = self.macros[name]
        if len(given) != len(macro.formal):
            wanted = counted(len(macro.formal), "argument")
            raise statement.cannot_be_read(f"macro '{name}' takes {wanted}, found {len(given)}")
        if self.depth >= DEEPEST:
            raise statement.cannot_be_read("exec: macros call each other in a circle, or too many of them")
        values = [str(int(self.number(statement, one[1:]))) if one.startswith("$") else one for one in given]
        self.depth += 1
        ended = followed(map(self._count, macro.statements(values)))
        self.depth -= 1
        return ended

    def _count(self, statement: Statement) -> Statement:
        """One more statement of a block; FileError when they do not end."""
        self.followed += 1
        if self.followed > MOST_STATEMENTS:
            raise statement.cannot_be_read(f"blocks and macros come to more than {MOST_STATEMENTS:,} statements")
        return statement
