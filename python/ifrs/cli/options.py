"""Options that several commands share."""

from __future__ import annotations

import codecs
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ifrs import _core
from ifrs.keyring import Keyring

PASSPHRASE = "IFRS_PASSPHRASE"
_LONGEST = 65_536  # bytes of a passphrase

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
    require_keyring(path)
    passphrase = (
        read_passphrase(passphrase_file)
        if identity is None
        else identity_passphrase([identity], passphrase_file)
    )
    return Keyring.open(path, passphrase=passphrase, identity=identity, accept_older=accept_older)


def require_keyring(path: Path) -> None:
    """Say at once that there is no keyring: nobody waits or types a passphrase for nothing."""
    if not path.exists():
        raise FileNotFoundError(f"there is no keyring at {path}: ifrs keyring create makes one")


def identity_passphrase(identities: Sequence[Path], passphrase_file: Path | None) -> str | None:
    """The passphrase of protected identities; nobody is asked for one that is not needed."""
    if not any(_core.Keyring.is_protected(str(identity)) for identity in identities):
        return None
    return read_passphrase(passphrase_file)


def read_passphrase(file: Path | None, *, new: bool = False) -> str:
    """The passphrase from a file, the environment or a prompt; never from the command line.

    Args:
        file: Where its first line is the passphrase; None for the environment or a prompt.
        new: Whether it will open something that is made now.

    Raises:
        ValueError: There is none, it is not UTF-8, or a new one holds control characters.
        OSError: The file cannot be read.
    """
    given = os.environ.get(PASSPHRASE)
    if file is not None:
        found = _first_line(_beginning(file), str(file))
    elif given:
        found = _first_line(os.fsencode(given), PASSPHRASE)
    else:
        found = str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    return new_passphrase(found) if new else found


def new_passphrase(passphrase: str) -> str:
    """A passphrase that opens something from now on.

    Raises:
        ValueError: It holds control characters, which other programs cut, change or cannot take.
    """
    for character in passphrase:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(
                f"a new passphrase must not hold control characters, and this has a "
                f"U+{ord(character):04X}"
            )
    return passphrase


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LONGEST)


def _first_line(data: bytes, source: str) -> str:
    """The text before the first line feed, as it is: other line ends are part of it."""
    first = data.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].removesuffix(b"\r")
    if not first:
        raise ValueError(f"{source} holds no passphrase in its first line")
    if len(first) >= _LONGEST - 4:
        raise ValueError(f"{source} holds no passphrase: its first line is too long for one")
    try:
        return first.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{source} is not UTF-8: write the passphrase as UTF-8") from None
