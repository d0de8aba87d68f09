"""`ifrs claim`: sign, before release, that a model carries a set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.access import Access
from ifrs.cli.options import Json, KeyringPath, SetName, examples
from ifrs.cli.output import print_result, require_new, warn

EXAMPLES = examples(
    "ifrs claim keyring.ifrs release-1 --subject release --out claim.json",
    "ifrs claim keyring.ifrs release-1 --subject release --out claim.json "
    "--tsa http://tsa.example/tsr",
)


def command(
    path: KeyringPath,
    name: SetName,
    subject: Annotated[
        Path, typer.Option(metavar="DIR", help="The released model: its folder or weight file.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the claim.")],
    tsa: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of an RFC 3161 time-stamp authority. It sees a digest alone.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--name", help="What to call the model. Default: the folder's name."),
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Sign a claim about your model before you release it. It shows no key and no response."""
    require_new(out, "a claim")
    with access.open(path) as ring:
        claim = ring.claim(name, subject=subject, model=model)
    # Kept before the authority is asked: a claim in the journal is not lost with the network.
    claim.save(out)
    if tsa is not None:
        claim = claim.stamp(tsa)
        claim.save(out)
    stamp = claim.stamped() if tsa is not None else None
    _warn_unplanted(subject, name)
    facts = {
        "claim": claim.digest,
        "model": claim.model,
        "files": len(claim.subject),
        "keys": claim.n,
        "created": claim.created,
        "public_key": claim.publisher_key,
        "timestamp": None if stamp is None else stamp["time"],
    }
    print_result(facts, as_json)


def _warn_unplanted(subject: Path, name: str) -> None:
    """Say where a folder's manifest does not name the set: a claim of the base proves nothing."""
    from ifrs.plant.manifest import MANIFEST, planted_sets

    planted = planted_sets(subject)
    if not subject.is_dir() or (planted is not None and name in planted):
        return
    says = f"has no {MANIFEST}" if planted is None else f"was planted with {' and '.join(planted)}"
    warn(f"{subject} {says}: make sure that {name!r} was planted in it")
