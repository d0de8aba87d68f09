"""`ifrs keyring`: make keyrings, look into them, and change who may open them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.access import (
    Access,
    PassphraseFile,
    Recipients,
    identity_passphrase,
    new_passphrase,
    prompt_passphrase,
    read_passphrase,
    read_recipients,
)
from ifrs.cli.options import Commands, Json, KeyringPath, SetName
from ifrs.cli.output import print_json, print_result, print_rows, say
from ifrs.keyring import Keyring

app = Commands(
    help="Make keyrings, look into them, and change who may open them.", no_args_is_help=True
)

_COLUMNS = ("name", "n", "source", "template", "response", "created")
_JOURNAL = ("number", "at", "event", "set", "keys", "to")

Out = Annotated[Path, typer.Option("--out", help="Where to write.")]


@app.command()
def create(
    path: KeyringPath,
    recipient: Recipients = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make a keyring with a fresh seed, for a passphrase or for recipients."""
    if path.exists():
        raise FileExistsError(f"{path} already exists: open it, or choose another path")
    passphrase, recipients = _protection(recipient, passphrase_file)
    with Keyring.create(path, passphrase=passphrase, recipients=recipients) as ring:
        facts = {"keyring": str(ring.path), "created": ring.created}
    print_result(facts, as_json)


@app.command()
def show(
    path: KeyringPath,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One set.")] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Show what is public about a keyring, or about one of its sets."""
    with access.open(path) as ring:
        facts = _keyring_facts(ring) if name is None else _set_facts(ring, name)
    print_result(facts, as_json)


def _keyring_facts(ring: Keyring) -> dict[str, object]:
    sets = ring.sets()
    return {
        "keyring": str(ring.path),
        "created": ring.created,
        "generation": ring.generation,
        "recipients": ring.recipients,
        "public key": ring.public_key,
        "sets": len(sets),
        "fingerprints": sum(row["n"] for row in sets),
    }


def _set_facts(ring: Keyring, name: str) -> dict[str, object]:
    for row in ring.sets():
        if row["name"] == name:
            return {**row, "context": ring[name].context, "spent": ring.spent(name)}
    raise KeyError(f"the keyring has no set {name!r}")


@app.command("list")
def list_sets(path: KeyringPath, *, access: Access, as_json: Json = False) -> None:
    """List the fingerprint sets of a keyring."""
    with access.open(path) as ring:
        rows = ring.sets()
    print_json(rows) if as_json else print_rows(rows, _COLUMNS)


@app.command()
def remove(path: KeyringPath, name: SetName, access: Access) -> None:
    """Take a fingerprint set out of a keyring; the previous file stays as .bak."""
    with access.open(path) as ring:
        ring.remove(name)


@app.command()
def rekey(
    path: KeyringPath,
    recipient: Recipients = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="A file with the new passphrase in its first line.")
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Change who may open a keyring; its backup is replaced, too."""
    with access.open(path) as ring:
        if recipient:
            shut = ring.rekey(recipients=read_recipients(recipient))
        elif new_passphrase_file is not None:
            shut = ring.rekey(passphrase=read_passphrase(new_passphrase_file, new=True))
        else:
            prompted = prompt_passphrase("New passphrase", new=True)
            shut = ring.rekey(passphrase=new_passphrase(prompted))
    facts = {"keyring": str(path), "old access": "shut" if shut else "still opens"}
    print_result(facts, as_json)


@app.command()
def journal(path: KeyringPath, *, access: Access, as_json: Json = False) -> None:
    """Print what happened to a keyring; its chain of hashes is verified first."""
    with access.open(path) as ring:
        entries = ring.journal()
    if as_json:
        print_json(entries)
        return
    rows = [{key: _plain(value) for key, value in entry.items()} for entry in entries]
    print_rows([{**row, "keys": row["indices"]} for row in rows], _JOURNAL)


def _plain(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else value


@app.command()
def export(
    path: KeyringPath, name: SetName, out: Out, recipient: Recipients = None, *, access: Access
) -> None:
    """Seal one set for other recipients, without the seed."""
    with access.open(path) as ring:
        ring.export(name, out, recipients=read_recipients(recipient))


@app.command("import")
def import_set(
    path: KeyringPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sealed set.")],
    set_identity: Annotated[
        Path | None,
        typer.Option(help="What opens the sealed set, if not what opens the keyring."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the set here.")] = None,
    *,
    access: Access,
) -> None:
    """Take in a set that another keyring exported."""
    identities = [set_identity] if set_identity else []
    passphrase = identity_passphrase(identities, access.passphrase_file)
    with access.open(path) as ring:
        ring.import_set(file, identity=set_identity, passphrase=passphrase, name=name)


@app.command()
def split(
    path: KeyringPath,
    out: Out,
    threshold: Annotated[int, typer.Option(help="How many shares restore the keyring.")],
    shares: Annotated[int, typer.Option(help="How many shares to write.")],
    recipient: Recipients = None,
    *,
    access: Access,
) -> None:
    """Write shares of a keyring to a folder, one for each recipient."""
    recipients = read_recipients(recipient)
    if len(recipients) != shares:
        raise ValueError(f"--shares is {shares}, but there are {len(recipients)} recipients")
    with access.open(path) as ring:
        for file in ring.split(out, threshold=threshold, recipients=recipients):
            say(file)


@app.command()
def combine(
    share: Annotated[list[Path], typer.Argument(metavar="SHARE…", help="The shares' files.")],
    out: Out,
    identity: Annotated[
        list[Path] | None,
        typer.Option(help="An identity file of a share's holder; may be repeated."),
    ] = None,
    recipient: Recipients = None,
    identity_passphrase_file: Annotated[
        Path | None, typer.Option(help="A file with the passphrase of protected identities.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Restore a keyring from shares."""
    if out.exists():
        raise FileExistsError(f"{out} already exists: choose another path")
    identities = identity or []
    identity_secret = identity_passphrase(identities, identity_passphrase_file)
    passphrase, recipients = _protection(recipient, passphrase_file)
    ring = Keyring.combine(
        share,
        out,
        identities=identities,
        identity_passphrase=identity_secret,
        passphrase=passphrase,
        recipients=recipients,
    )
    with ring:
        facts = {"keyring": str(out), "sets": len(ring)}
    print_result(facts, as_json)


def _protection(
    recipient: list[str] | None, passphrase_file: Path | None
) -> tuple[str | None, list[str]]:
    """What opens a keyring that is made now: a passphrase, or recipients."""
    if recipient:
        return None, read_recipients(recipient)
    return read_passphrase(passphrase_file, new=True), []
