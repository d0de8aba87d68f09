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
from ifrs.cli.options import Commands, Json, KeyringPath, SetName, examples
from ifrs.cli.output import print_json, print_result, print_rows, say
from ifrs.keyring import Keyring

app = Commands(
    help="Make keyrings, and change who may open them.",
    no_args_is_help=True,
    epilog=examples(
        "ifrs keyring create keyring.ifrs",
        "ifrs keyring list keyring.ifrs",
        "ifrs keyring journal keyring.ifrs --json",
    ),
)

_COLUMNS = ("name", "n", "source", "template", "response", "created")
_JOURNAL = ("number", "at", "event", "set", "keys", "to")

Out = Annotated[Path, typer.Option("--out", help="Where to write the result.")]


@app.command(
    epilog=examples(
        "ifrs keyring create keyring.ifrs",
        "ifrs keyring create keyring.ifrs --recipient age1… --recipient ~/.ssh/id_ed25519.pub",
    )
)
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


@app.command(
    epilog=examples(
        "ifrs keyring show keyring.ifrs",
        "ifrs keyring show keyring.ifrs release-1 --json",
    )
)
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
    # Which says what sets there are.
    return {"name": ring[name].name}


@app.command(
    "list",
    epilog=examples(
        "ifrs keyring list keyring.ifrs",
        "ifrs keyring list keyring.ifrs --identity ~/.ssh/id_ed25519",
    ),
)
def list_sets(path: KeyringPath, *, access: Access, as_json: Json = False) -> None:
    """List the fingerprint sets of a keyring."""
    with access.open(path) as ring:
        rows = ring.sets()
    print_json(rows) if as_json else print_rows(rows, _COLUMNS)


@app.command(epilog=examples("ifrs keyring remove keyring.ifrs release-1"))
def remove(path: KeyringPath, name: SetName, access: Access, as_json: Json = False) -> None:
    """Remove a set from a keyring. The previous file stays as .bak."""
    with access.open(path) as ring:
        ring.remove(name)
        left = list(ring)
    print_result({"keyring": str(path), "removed": name, "left": left}, as_json)


@app.command(
    epilog=examples(
        "ifrs keyring rekey keyring.ifrs",
        "ifrs keyring rekey keyring.ifrs --recipient recipients.txt",
    )
)
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
    """Change who may open a keyring. Its backup is replaced, too."""
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


@app.command(epilog=examples("ifrs keyring journal keyring.ifrs"))
def journal(path: KeyringPath, *, access: Access, as_json: Json = False) -> None:
    """Print what happened to a keyring, after its chain of hashes is verified."""
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


@app.command(
    epilog=examples(
        "ifrs keyring export keyring.ifrs release-1 --recipient age1… --out release-1.age"
    )
)
def export(
    path: KeyringPath,
    name: SetName,
    out: Out,
    recipient: Recipients = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Encrypt one set for other recipients, without the seed."""
    recipients = read_recipients(recipient)
    with access.open(path) as ring:
        ring.export(name, out, recipients=recipients)
    print_result({"set": name, "file": str(out), "recipients": len(recipients)}, as_json)


@app.command(
    "import",
    epilog=examples(
        "ifrs keyring import theirs.ifrs release-1.age",
        "ifrs keyring import theirs.ifrs release-1.age --set-identity key.txt --name acme-1",
    ),
)
def import_set(
    path: KeyringPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sealed set.")],
    set_identity: Annotated[
        Path | None,
        typer.Option(help="Identity that opens the sealed set. Default: the keyring's."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A new name for the set.")] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Import a set that another keyring exported."""
    identities = [set_identity] if set_identity else []
    passphrase = identity_passphrase(identities, access.passphrase_file)
    with access.open(path) as ring:
        fps = ring.import_set(file, identity=set_identity, passphrase=passphrase, name=name)
        facts = {"keyring": str(path), "name": fps.name, "n": len(fps)}
    print_result(facts, as_json)


@app.command(
    epilog=examples(
        "ifrs keyring split keyring.ifrs --shares 5 --threshold 3 --recipient holders.txt "
        "--out shares"
    )
)
def split(
    path: KeyringPath,
    out: Out,
    threshold: Annotated[int, typer.Option(help="How many shares restore the keyring.")],
    shares: Annotated[int, typer.Option(help="How many shares to write.")],
    recipient: Recipients = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Write shares of a keyring to a folder, one for each recipient."""
    recipients = read_recipients(recipient)
    if len(recipients) != shares:
        raise ValueError(f"--shares is {shares}, but there are {len(recipients)} recipients")
    with access.open(path) as ring:
        files = [str(file) for file in ring.split(out, threshold=threshold, recipients=recipients)]
    if as_json:
        print_json(files)
        return
    for file in files:
        say(file)


@app.command(
    epilog=examples(
        "ifrs keyring combine shares/*.age --identity alice.txt --identity bob.txt "
        "--out restored.ifrs"
    )
)
def combine(
    share: Annotated[list[Path], typer.Argument(metavar="SHARE…", help="The shares' files.")],
    out: Out,
    identity: Annotated[
        list[Path] | None,
        typer.Option(help="Identity file of a share's holder. May be repeated."),
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
