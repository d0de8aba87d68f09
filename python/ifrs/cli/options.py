"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ifrs.keyring import Keyring

PASSPHRASE = "IFRS_PASSPHRASE"

KeyringPath = Annotated[Path, typer.Argument(metavar="KEYRING", help="The keyring file.")]
SetName = Annotated[str, typer.Argument(metavar="NAME", help="The fingerprint set's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=f"A file with the passphrase in its first line; else {PASSPHRASE}, else a prompt.",
    ),
]


def open_keyring(path: Path, passphrase_file: Path | None) -> Keyring:
    """Open a keyring with the passphrase from a file, the environment or a prompt."""
    if not path.exists():
        # Before the prompt: nobody types a passphrase for nothing.
        raise FileNotFoundError(f"there is no keyring at {path}: ifrs keyring create makes one")
    return Keyring.open(path, passphrase=read_passphrase(passphrase_file))


def read_passphrase(file: Path | None, *, new: bool = False) -> str:
    """The passphrase from a file, the environment or a prompt; never from the command line."""
    if file is not None:
        return _first_line(file)
    given = os.environ.get(PASSPHRASE)
    if given:
        return given
    return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))


def _first_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise ValueError(f"{file} holds no passphrase in its first line")
    return lines[0]
