"""The command line: one file for each command.

Exit codes are those of grep: 0 yes (match, ok, done), 1 no, 2 error or inconclusive.
"""

from __future__ import annotations

import os
import sys

import typer

from ifrs._core import __version__
from ifrs.cli import audit, check, claim, demo, evidence, generate, implant, keyring, score, verify
from ifrs.cli.output import fail
from ifrs.errors import IfrsError

_INTERRUPTED = 130

app = typer.Typer(
    name="ifrs",
    help="Own your language models: keep keys, plant fingerprints, prove descent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(keyring.app, name="keyring")
app.command("generate")(generate.command)
app.command("implant")(implant.command)
app.command("verify")(verify.command)
app.command("claim")(claim.command)
app.command("evidence")(evidence.command)
app.command("check")(check.command)
app.command("score")(score.command)
app.command("audit")(audit.command)
app.command("demo")(demo.command)


@app.callback(invoke_without_command=True)
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
    try:
        code = app(arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except (typer.Abort, EOFError):
        return fail("cancelled")
    except (IfrsError, OSError, ValueError, KeyError, TypeError, ImportError) as error:
        if os.environ.get("IFRS_DEBUG"):
            raise
        return fail(error)
    except Exception as error:
        # Usage errors of typer have no public base class that all versions share.
        if not hasattr(error, "format_message"):
            raise
        return fail(f"{error.format_message()} (see ifrs --help)")
    if code == _INTERRUPTED:
        return fail("interrupted: nothing half-written is left")
    return code if isinstance(code, int) else 0


def run() -> None:
    """The console script."""
    sys.exit(main())
