"""What the command's exit code says."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Ran and all passed; found wanting; wrong input; no answer of the physics; a file; Ctrl-C; the program's fault."""

    OK = 0
    WANTING = 1
    WRONG_INPUT = 2
    NO_ANSWER = 3
    FILE_TROUBLE = 4
    UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h: an error of the program, not of its user
    INTERRUPTED = 130
