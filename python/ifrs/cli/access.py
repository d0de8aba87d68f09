"""What opens a keyring: an identity or a passphrase; neither stands on the command line."""

from __future__ import annotations

import codecs
import os
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from getpass import GetPassWarning
from pathlib import Path
from typing import Annotated

import typer

from ifrs import _core
from ifrs.cli.output import warn
from ifrs.keyring import Keyring

PASSPHRASE = "IFRS_PASSPHRASE"
_LONGEST = 65_536  # bytes of a passphrase
_SHORT = 12  # characters of a passphrase below which somebody is warned
_PASSPHRASE_HELP = (
    f"A file with the passphrase in its first line. Default: {PASSPHRASE}, or a prompt."
)

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=_PASSPHRASE_HELP,
    ),
]
Recipients = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient",
        metavar="KEY|FILE",
        help="A public key of age, SSH or a plugin, or a file of them. May be repeated.",
    ),
]


@dataclass(frozen=True)
class Access:
    """Options of every command that opens a keyring."""

    passphrase_file: PassphraseFile = None
    identity: Annotated[
        Path | None,
        typer.Option(
            "--identity",
            envvar="IFRS_IDENTITY",
            help="An age identity file or SSH private key that opens the keyring.",
        ),
    ] = None
    accept_older: Annotated[
        bool,
        typer.Option("--accept-older", help="Accept a copy older than the one seen here before."),
    ] = False

    def open(self, path: Path) -> Keyring:
        """Open a keyring with the identity, or a passphrase from file, environment or prompt."""
        require_keyring(path)
        return Door(self, path).open()


class Door:
    """What opens a keyring, read or asked for once, for commands that open it more than once."""

    def __init__(self, access: Access, path: Path) -> None:
        """Read it, or ask for it."""
        self._access, self._path = access, path
        self._passphrase = (
            read_passphrase(access.passphrase_file)
            if access.identity is None
            else identity_passphrase([access.identity], access.passphrase_file)
        )

    def open(self) -> Keyring:
        """The keyring, opened anew."""
        return Keyring.open(
            self._path,
            passphrase=self._passphrase,
            identity=self._access.identity,
            accept_older=self._access.accept_older,
        )

    def forget(self) -> None:
        """Open it no more."""
        self._passphrase = None


def require_keyring(path: Path) -> None:
    """Say at once that there is no keyring: nobody waits or types a passphrase for nothing."""
    if path.exists():
        return
    backup = path.with_name(f"{path.name}.bak")
    if backup.exists():
        raise FileNotFoundError(
            f"there is no keyring at {path}, and {backup} is how it was before its last change: "
            "copy that file there, and open it with --accept-older"
        )
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
        found = prompt_passphrase("Passphrase", new=new)
    return new_passphrase(found) if new else found


def prompt_passphrase(label: str, *, new: bool) -> str:
    """What somebody types; a new passphrase is typed twice."""
    with warnings.catch_warnings():
        # Without a terminal there is nothing to hide.
        warnings.simplefilter("ignore", GetPassWarning)
        return str(typer.prompt(label, hide_input=True, confirmation_prompt=new, err=True))


def new_passphrase(passphrase: str) -> str:
    """A passphrase that opens something from now on; a short one is warned of.

    Raises:
        ValueError: It holds control characters, which other programs cut, change or cannot take.
    """
    for character in passphrase:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(
                f"a new passphrase must not hold control characters, and this has a "
                f"U+{ord(character):04X}"
            )
    if len(passphrase) < _SHORT:
        warn(
            f"this passphrase is short: whoever has the file can try all of its kind; take "
            f"{_SHORT} characters or more, or --recipient"
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


def read_recipients(given: list[str] | None) -> list[str]:
    """Public keys as given, or from files: one a line, `#` begins a comment."""
    keys: list[str] = []
    for text in given or []:
        if text.startswith(("age1", "ssh-")):
            keys.append(text)
            continue
        if not Path(text).is_file():
            # Not quoted: it may be a private key by mistake.
            raise ValueError("--recipient takes a public key (age1…, ssh-…) or a file of them")
        lines = Path(text).read_text(encoding="utf-8").splitlines()
        keys += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise ValueError("there are no recipients: pass --recipient KEY")
    return keys
