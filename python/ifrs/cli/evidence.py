"""`ifrs evidence`: from a report and a claim to a bundle that a stranger checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ifrs.cli.access import Access
from ifrs.cli.options import Json, examples
from ifrs.cli.output import print_result, require_new, warn
from ifrs.errors import EvidenceError
from ifrs.keyring import Keyring

EXAMPLES = examples(
    "ifrs evidence report.json claim.json --out bundle.json --reveal 4 --keyring keyring.ifrs",
    "ifrs evidence report.json claim.json --out bundle.json.gz --keyring keyring.ifrs",
)


def command(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="What ifrs verify wrote.")],
    claim: Annotated[Path, typer.Argument(metavar="CLAIM", help="The claim made before release.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Where to write the bundle; .gz compresses it."),
    ],
    reveal: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Show the first N queries. The others stay secret. Default: show all."
        ),
    ] = None,
    keyring: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The set's keyring. It records the revealed keys as spent."
        ),
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Make a bundle that a stranger can check. It shows some keys, which are then spent."""
    from ifrs.attest import Evidence

    require_new(out, "a bundle")
    try:
        read = json.loads(report.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EvidenceError(f"{report} is no report of ifrs") from error
    if isinstance(read, dict) and str(read.get("format")).startswith("ifrs/evidence/"):
        raise EvidenceError(f"{report} is a bundle: give the report that ifrs verify --json wrote")
    if isinstance(read, dict) and "payload" in read:
        raise EvidenceError("the files are in the wrong order: the report is first, then the claim")
    bundle = Evidence.of_report(read, claim, reveal=reveal)
    if reveal is None and len(bundle.revealed) > 1:
        warn(f"all {len(bundle.revealed)} keys are shown, and spent by it: --reveal N shows fewer")
    if keyring is not None:
        # Before the bundle is there: a key that may be seen is spent.
        with access.open(keyring) as ring:
            _require_set(ring, read)
            ring.spend(read["set"]["name"], bundle.revealed, out.name, "revealed")
    else:
        warn("without --keyring no journal says that the revealed keys are spent")
    if bundle.result["verdict"] != "match":
        warn("the bundle shows no match: it proves nothing, and whoever sees it has its keys")
    bundle.save(out)
    result = bundle.result
    facts = {"bundle": str(out), **{name: result[name] for name in _SHOWN}}
    print_result(facts, as_json)


def _require_set(ring: Keyring, report: dict[str, Any]) -> None:
    """Refuse to mark keys as spent that are not those which the report shows."""
    name = report["set"]["name"]
    if ring[name].leaves() != report["leaves"]:
        raise EvidenceError(
            f"the set {name!r} of this keyring is not the report's: give the keyring that it "
            "was verified with"
        )


_SHOWN = ("verdict", "p_value", "log10_p", "log10_e", "revealed", "silent", "fired")
