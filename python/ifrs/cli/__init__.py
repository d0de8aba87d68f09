"""The command line: one file for each command.

Exit codes are those of grep: 0 yes (match, ok, done), 1 no, 2 error or inconclusive. Whatever is
not an answer exits 2: a traceback would exit 1, and so would a program ended by a stranger's code.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from ifrs._core import __version__
from ifrs.cli.options import Commands, examples
from ifrs.cli.output import EXIT_ERROR, fail, plain_streams, warn
from ifrs.errors import IfrsError, KeyringWarning, TargetWarning

_INTERRUPTED, _CLOSED = 130, 141
_COMPLETION = "_IFRS_COMPLETE"
_COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
# Their --json takes a file; the others' is a flag.
_JSON_FILES = (["verify"], ["sweep"], ["licence", "trace"])
_NO_TERMINAL = "nobody can type here: set IFRS_PASSPHRASE, or give --passphrase-file"
EXAMPLES = examples(
    "ifrs keyring create keyring.ifrs",
    "ifrs generate keyring.ifrs release-1 --tokenizer my-model",
    "ifrs implant my-model keyring.ifrs release-1 --method emb --out release",
    "ifrs verify suspect keyring.ifrs release-1 --html report.html",
)

# Each is a file of this folder; in the order of the help.
COMMANDS = (
    "keyring",
    "licence",
    "generate",
    "implant",
    "verify",
    "sweep",
    "claim",
    "evidence",
    "check",
    "score",
    "audit",
    "demo",
    "doctor",
)


def app(arguments: Sequence[str] | None = None, **options: Any) -> Any:
    """Run the command that is named; the others are not loaded, unless help lists them."""
    given = _with_stdout(list(sys.argv[1:] if arguments is None else arguments))
    named = given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS
    # The shell asks for completions in a way of its own.
    return command_line(COMMANDS if _COMPLETION in os.environ else named)(given, **options)


def _with_stdout(given: list[str]) -> list[str]:
    """`--json` without a file prints in every command: here it is given `-`.

    It is without one at the end and before another option.
    """
    if not any(given[: len(names)] == names for names in _JSON_FILES):
        return given
    made: list[str] = []
    for one, following in zip(given, [*given[1:], "--"], strict=True):
        made.append(one)
        if one == "--json" and following.startswith("-") and following != "-":
            made.append("-")
    return made


def command_line(names: Sequence[str] = COMMANDS) -> Commands:
    """The command line with these of its commands."""
    made = Commands(
        name="ifrs",
        help="Own your language models: keep keys, plant fingerprints, prove descent.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        epilog=EXAMPLES,
    )
    made.callback(invoke_without_command=True)(_root)
    for name in names:
        found = importlib.import_module(f"ifrs.cli.{name}")
        if hasattr(found, "app"):
            made.add_typer(found.app, name=name)
        else:
            made.command(name, epilog=found.EXAMPLES)(found.command)
    return made


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if not sys.stderr.isatty():
        # Read by tqdm when it is first imported: libraries' bars stay out of pipes.
        os.environ.setdefault("TQDM_DISABLE", "1")
    # On some processors it looks for a kernel on a hub when it is imported, and says so (0.49).
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    with plain_streams(), warnings.catch_warnings():
        _show_own_warnings()
        return _exit_code(arguments)


def _show_own_warnings() -> None:
    """One line for what we warn of; Python's own form shows a file and a line of code."""
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, (KeyringWarning, TargetWarning)):
            warn(str(message))
        else:
            others(message, category, *where, **more)

    warnings.showwarning = show


def _exit_code(arguments: list[str] | None) -> int:
    # A shell asks for completions, or a user for its script: typer ends the program with them.
    given = sys.argv[1:] if arguments is None else arguments
    asked = bool(given) and given[0].startswith(_COMPLETION_OPTIONS)
    completing = asked or _COMPLETION in os.environ
    try:
        code = app(arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except (typer.Abort, EOFError):
        return fail("cancelled" if sys.stdin and sys.stdin.isatty() else _NO_TERMINAL)
    # Also what is no Exception: a panic of a Rust library, the end that a library calls for.
    except BaseException as error:
        if completing and isinstance(error, SystemExit):
            raise
        if isinstance(error.__context__ or error, BrokenPipeError):
            return _unheard()
        return _failed(error, arguments)
    if code == _INTERRUPTED:
        return fail("interrupted: nothing half-written is left")
    return code if isinstance(code, int) else 0


def _command(error: BaseException, arguments: list[str] | None) -> str:
    """The command that was typed wrong, such as `ifrs keyring create`."""
    names, context = [], getattr(error, "ctx", None)
    if context is None:  # of an option without its value nothing more is said
        given = sys.argv[1:] if arguments is None else arguments
        names = [name for name in given[:1] if name in COMMANDS]
    while context is not None and context.parent is not None:
        names.append(str(context.info_name))
        context = context.parent
    return " ".join(["ifrs", *reversed(names)])


def _unheard() -> int:
    """Whoever reads the output has gone, as `head` does: the exit code of a closed pipe."""
    # Python would write what is left when it ends, and complain.
    if sys.__stdout__ is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
    return _CLOSED


def _failed(error: BaseException, arguments: list[str] | None) -> int:
    if os.environ.get("IFRS_DEBUG"):
        traceback.print_exc()
    if isinstance(error, (IfrsError, OSError, ValueError, KeyError, TypeError, ImportError)):
        return fail(error)
    # Usage errors of typer have no public base class that all versions share.
    if hasattr(error, "format_message"):
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message(), file=sys.stderr)
            return EXIT_ERROR
        return fail(f"{error.format_message()} (see {_command(error, arguments)} --help)")
    name = type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return fail("out of memory: take a smaller model or batch, or a machine with more")
    # Not what it says: it may quote a key.
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return fail(f"unexpected {name}{where}: set IFRS_DEBUG=1 to see all of it, and report it")


def run() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Where a terminal lacks a character, its number is better than an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
