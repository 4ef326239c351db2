"""The command ``lattice-optimize``: commands are imported when used, and every failure becomes one message and a code.

0 every requirement passed; 1 something was found wanting; 2 the command line or a study file is wrong; 3 the physics
has no answer; 4 a file could not be read or written, or there is not enough memory; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from studies.exit_codes import Exit
from studies.memory_limits import is_hopeless, is_want_of_memory, told
from studies.runs.interruption import terminate_as_interrupt
from studies.terminal import open_closed_streams, silence_stdout, visible

PROGRAM = "lattice-optimize"
COMMANDS = {
    "list": "Machines and studies: what each answers and what it judges.",
    "new": "Write a study file to begin from, every key explained.",
    "schema": "Print the JSON Schema of a kind of study file, for editors.",
    "run": "Run a study: a built-in one by name, or a TOML file.",
    "match": "Match a machine or a lattice file to targets.",
    "scan": "Run a study over a grid of parameters.",
    "search": "Find the machines that no other beats in all objectives.",
    "compare": "One report of two runs: what changed, which verdicts flipped.",
    "dossier": "One report over many runs: all verdicts, parameters, assumptions, sources.",
    "report": "Render the report of a run again, computing nothing.",
    "beam": "Particles of a run's beam at one energy, for dose calculation.",
    "convert": "Convert a lattice file to another format.",
    "verify": "Compare our maps with Xsuite, MAD-X and PTC on a machine or a lattice file.",
}
_COMPUTING = {"run", "match", "scan", "search", "verify"}  # commands that load the engines


class LazyGroup(click.Group):
    """Commands known by name; their modules are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"studies.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command suggested."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"no command '{args[0]}'{hint} (commands: {', '.join(COMMANDS)})")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from studies.provenance import toolkit_version

        click.echo(f"{PROGRAM} {toolkit_version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all passed; 1 something was found wanting; 2 wrong input; 3 the physics has no answer; "
    "4 a file could not be read or written, or there is not enough memory; 130 interrupted.",
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show it.")
def group() -> None:
    """Does this hadron-therapy machine do what it must, and how do we know?"""


def main() -> None:
    """Entry point of the command. SIGTERM does what Ctrl-C does."""
    terminate_as_interrupt()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # between the steps of ``run``
        code = Exit.INTERRUPTED
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    open_closed_streams()
    if any("\udc80" <= character <= "\udcff" for argument in arguments for character in argument):
        _say("error: an argument is no text in UTF-8: call the file or folder by another name")
        return Exit.WRONG_INPUT
    if is_hopeless(computes=bool(_COMPUTING & set(arguments))):
        _say(f"error: {told()}")
        return Exit.FILE_TROUBLE
    code = _invoke(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    return code


def _invoke(arguments: Sequence[str]) -> int:
    color = False if os.environ.get("NO_COLOR") else None
    try:
        code = group.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, color=color)
        return int(code or Exit.OK)
    except click.exceptions.Exit as ended:
        return int(ended.exit_code)
    except click.ClickException as error:
        error.show()
        return Exit.WRONG_INPUT
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; what was finished is kept")
        return Exit.INTERRUPTED
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            return _failed(RuntimeError(f"something asked to end with {ended.code!r}"), arguments)
        silence_stdout()  # click's answer to a reader of its help that has seen enough
        return Exit.OK
    except Exception as error:
        return _failed(error, arguments)


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    if is_want_of_memory(error):
        _say(f"error: {told()}")
        return Exit.FILE_TROUBLE
    code = exit_code(error)
    if code != Exit.UNEXPECTED:
        _say(f"error: {_message(error)}")
        return code
    if {"-v", "--verbose"} & set(arguments):
        raise_again(error)
    else:
        where = next((note for note in getattr(error, "__notes__", ())), "run it again with -v to see them")
        _say(f"unexpected error ({type(error).__name__}: {error}). Please report it with the details: {where}")
    return Exit.UNEXPECTED


def raise_again(error: Exception) -> None:
    """Show the whole traceback of an error that is ours."""
    import traceback

    _say("unexpected error; please report it with what follows")
    traceback.print_exception(error, file=sys.stderr)


def exit_code(error: BaseException) -> int:
    """Exit code for an exception; nothing is imported to find out."""
    errors: Any = sys.modules.get("lattice.errors")
    if errors is not None and isinstance(error, errors.HadronOpticsError):
        if isinstance(error, errors.FileError):
            return Exit.FILE_TROUBLE
        return Exit.NO_ANSWER if isinstance(error, (errors.UnstableOptics, errors.NoSolution)) else Exit.WRONG_INPUT
    return Exit.FILE_TROUBLE if isinstance(error, OSError) else Exit.UNEXPECTED


def _message(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}"
    return str(error)


def _say(text: str) -> None:
    click.echo(visible(f"{PROGRAM}: {text}"), err=True)


if __name__ == "__main__":
    main()
