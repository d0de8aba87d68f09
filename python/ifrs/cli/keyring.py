"""`ifrs keyring`: make keyrings and look into them."""

from __future__ import annotations

from typing import Annotated

import typer

from ifrs.cli.options import Json, KeyringPath, PassphraseFile, SetName, open_keyring
from ifrs.cli.options import read_passphrase as read
from ifrs.cli.output import print_facts, print_json, print_rows
from ifrs.keyring import Keyring

app = typer.Typer(help="Make keyrings and look into them.", no_args_is_help=True)

_COLUMNS = ("name", "n", "source", "template", "response", "created")


@app.command()
def create(
    path: KeyringPath, passphrase_file: PassphraseFile = None, as_json: Json = False
) -> None:
    """Make a keyring with a fresh seed."""
    if path.exists():
        raise FileExistsError(f"{path} already exists: open it, or choose another path")
    with Keyring.create(path, passphrase=read(passphrase_file, new=True)) as ring:
        facts = {"keyring": str(ring.path), "created": ring.created}
    print_json(facts) if as_json else print_facts(facts)


@app.command()
def show(
    path: KeyringPath,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One set.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Show what is public about a keyring, or about one of its sets."""
    with open_keyring(path, passphrase_file) as ring:
        sets = ring.sets()
        facts = {
            "keyring": str(path),
            "created": ring.created,
            "sets": len(sets),
            "fingerprints": sum(row["n"] for row in sets),
        }
        if name is not None:
            facts = {**_one(sets, name), "context": ring[name].context}
    print_json(facts) if as_json else print_facts(facts)


def _one(sets: list[dict[str, object]], name: str) -> dict[str, object]:
    for row in sets:
        if row["name"] == name:
            return row
    raise KeyError(f"the keyring has no set {name!r}")


@app.command("list")
def list_sets(
    path: KeyringPath, passphrase_file: PassphraseFile = None, as_json: Json = False
) -> None:
    """List the fingerprint sets of a keyring."""
    with open_keyring(path, passphrase_file) as ring:
        rows = ring.sets()
    print_json(rows) if as_json else print_rows(rows, _COLUMNS)


@app.command()
def remove(path: KeyringPath, name: SetName, passphrase_file: PassphraseFile = None) -> None:
    """Take a fingerprint set out of a keyring; the previous file stays as .bak."""
    with open_keyring(path, passphrase_file) as ring:
        ring.remove(name)
