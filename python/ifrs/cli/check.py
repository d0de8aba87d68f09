"""`ifrs check`: whether evidence holds, from a bundle and a claim alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifrs.cli.options import Json, examples
from ifrs.cli.output import EXIT_NO, EXIT_YES, print_facts, print_json

if TYPE_CHECKING:
    from ifrs.attest import CheckResult

EXAMPLES = examples(
    "ifrs check bundle.json claim.json",
    "ifrs check bundle.json claim.json --publisher-key key.txt --html evidence.html",
    "ifrs check bundle.json claim.json --tsa-root tsa.pem --released 2026-09-01",
)


def command(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The evidence bundle.")],
    claim: Annotated[Path, typer.Argument(metavar="CLAIM", help="The claim made before release.")],
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
    """Check a bundle against a claim.

    That needs no keyring, no model and no network. Exit code 0: the evidence holds and is a match
    at your --alpha; 1: it does not hold, or is no match; 2: a file cannot be opened.
    """
    from ifrs.attest import check

    result = check(
        bundle,
        claim,
        publisher_key=publisher_key,
        alpha=alpha,
        trust_adapter=trust_adapter,
        tsa_roots=tsa_root or (),
        released=released,
        model=model,
    )
    if html is not None:
        result.save_html(html)
    print_json(result.to_json()) if as_json else print_facts(_facts(result))
    raise typer.Exit(EXIT_YES if result.ok and result.verdict == "match" else EXIT_NO)


def _facts(result: CheckResult) -> dict[str, object]:
    """Of evidence that does not hold what is wrong, and no number that it states."""
    if not result.ok:
        return {"evidence": "does not hold", "verdict": None, **_said(result)}
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
        **_said(result),
    }


def _said(result: CheckResult) -> dict[str, object]:
    return {
        "claim": (result.claim or {}).get("digest"),
        "public_key": result.publisher_key or None,
        "timestamp": _stamp(result.timestamp),
        **{f"problem {i}": text for i, text in enumerate(result.problems, 1)},
        **{f"note {i}": text for i, text in enumerate(result.notes, 1)},
    }


def _stamp(stamp: dict[str, object] | None) -> str | None:
    if stamp is None:
        return None
    return f"{stamp['time']} ({'verified' if stamp['verified'] else 'not verified'})"
