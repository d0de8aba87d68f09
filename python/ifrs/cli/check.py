"""`ifrs check`: whether evidence holds, from a bundle and a claim alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifrs.cli.options import Json, examples
from ifrs.cli.output import EXIT_NO, EXIT_YES, print_facts, print_json
from ifrs.errors import EvidenceError

if TYPE_CHECKING:
    from ifrs.attest import AccusationResult, CheckResult

EXAMPLES = examples(
    "ifrs check bundle.json claim.json",
    "ifrs check bundle.json claim.json --publisher-key key.txt --html evidence.html",
    "ifrs check bundle.json claim.json --tsa-root tsa.pem --released 2026-09-01",
    "ifrs check accusation.json roll.json --html accusation.html",
)


def command(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The evidence bundle, or an accusation.")
    ],
    claim: Annotated[
        Path,
        typer.Argument(
            metavar="CLAIM", help="The claim made before release; of an accusation the roll."
        ),
    ],
    publisher_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The publisher's public key: a file, hexadecimal or base64."
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(help="False-match rate that you allow. The publisher's does not count."),
    ] = 1e-6,
    trust_adapter: Annotated[
        bool,
        typer.Option(
            "--trust-adapter",
            help="Accept evidence that needs the publisher's private adapter. Do so only if you "
            "saw that adapter stay silent with another model's rows.",
        ),
    ] = False,
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Certificates (PEM) of a time-stamp authority to trust."),
    ] = None,
    released: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="When the suspect was released. The claim must be older."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The released model. Its digests are compared."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page to read and print.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle against a claim, or an accusation against a roll.

    That needs no keyring, no model and no network. Exit code 0: the evidence holds, and is a match
    or accuses the licensee at your --alpha; 1: it does not; 2: a file cannot be opened.
    """
    from ifrs.attest import check, check_accusation
    from ifrs.attest.bundle import looks_like

    given: Any = {
        "publisher_key": publisher_key,
        "alpha": alpha,
        "tsa_roots": tsa_root or (),
        "released": released,
    }
    result: CheckResult | AccusationResult
    if looks_like(bundle) in ("accusation", "trace") or looks_like(claim) == "accusation":
        if model is not None or trust_adapter:
            raise EvidenceError("--model and --trust-adapter are for bundles, not for accusations")
        result = check_accusation(bundle, claim, **given)
        facts, proves = _accusation(result), result.accused
    else:
        result = check(bundle, claim, trust_adapter=trust_adapter, model=model, **given)
        facts, proves = _facts(result), result.verdict == "match"
    if html is not None:
        result.save_html(html)
    print_json(result.to_json()) if as_json else print_facts(facts)
    raise typer.Exit(EXIT_YES if result.ok and proves else EXIT_NO)


def _accusation(result: AccusationResult) -> dict[str, object]:
    said = _said(result, "roll", result.roll)
    if not result.ok:
        return {"evidence": "does not hold", "accused": None, **said}
    return {
        "evidence": "holds",
        "accused": result.licensee if result.accused else "nobody",
        "licensee": result.licensee,
        "log10_p": result.log10_p,
        "alpha": result.alpha,
        "read": f"{result.read} of {len(result.positions)} positions",
        "agreeing": result.agreeing,
        "missing": result.missing,
        **said,
    }


def _facts(result: CheckResult) -> dict[str, object]:
    """Of evidence that does not hold what is wrong, and no number that it states."""
    if not result.ok:
        return {
            "evidence": "does not hold",
            "verdict": None,
            **_said(result, "claim", result.claim),
        }
    return {
        "evidence": "holds",
        "verdict": result.verdict or None,
        "p_value": result.p_value,
        "log10_p": result.log10_p,
        "test": result.test or None,
        "alpha": result.alpha,
        "publisher_said": f"{result.stated_verdict or 'nothing'} at {result.stated_alpha}",
        "scheme": result.scheme or None,
        "log10_e": result.log10_e,
        "forgery": f"{int(result.bits)} bits",
        "revealed": len(result.queries),
        "silent": result.silent,
        **_said(result, "claim", result.claim),
    }


def _said(
    result: CheckResult | AccusationResult, called: str, signed: dict[str, Any] | None
) -> dict[str, object]:
    return {
        called: (signed or {}).get("digest"),
        "public_key": result.publisher_key or None,
        "timestamp": _stamp(result.timestamp),
        **{f"problem {i}": text for i, text in enumerate(result.problems, 1)},
        **{f"note {i}": text for i, text in enumerate(result.notes, 1)},
    }


def _stamp(stamp: dict[str, object] | None) -> str | None:
    if stamp is None:
        return None
    return f"{stamp['time']} ({'verified' if stamp['verified'] else 'not verified'})"
