"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ifrs import _core
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


Identity = Annotated[
    Path | None,
    typer.Option(
        "--identity",
        envvar="IFRS_IDENTITY",
        help="An age identity file or SSH private key that opens the keyring.",
    ),
]
AcceptOlder = Annotated[
    bool,
    typer.Option("--accept-older", help="Accept a copy older than the one seen here before."),
]


def open_keyring(
    path: Path,
    passphrase_file: Path | None,
    identity: Path | None = None,
    accept_older: bool = False,
) -> Keyring:
    """Open a keyring with an identity, or a passphrase from a file, the environment or a prompt."""
    if not path.exists():
        # Before the prompt: nobody types a passphrase for nothing.
        raise FileNotFoundError(f"there is no keyring at {path}: ifrs keyring create makes one")
    passphrase = (
        read_passphrase(passphrase_file)
        if identity is None
        else identity_passphrase([identity], passphrase_file)
    )
    return Keyring.open(path, passphrase=passphrase, identity=identity, accept_older=accept_older)


def identity_passphrase(identities: Sequence[Path], passphrase_file: Path | None) -> str | None:
    """The passphrase of protected identities; nobody is asked for one that is not needed."""
    if not any(_core.Keyring.is_protected(str(identity)) for identity in identities):
        return None
    return read_passphrase(passphrase_file)


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
