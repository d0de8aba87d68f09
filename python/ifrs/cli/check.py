"""`ifrs check`: whether evidence holds, from a bundle and a claim alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifrs.cli.options import Json
from ifrs.cli.output import EXIT_NO, EXIT_YES, print_facts, print_json

if TYPE_CHECKING:
    from ifrs.attest import CheckResult


def command(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The evidence bundle.")],
    claim: Annotated[Path, typer.Argument(metavar="CLAIM", help="The claim made before release.")],
    publisher_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The publisher's announced key: a file, hexadecimal or base64."
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(help="The false-match rate that you allow; the publisher's does not count."),
    ] = 1e-6,
    trust_adapter: Annotated[
        bool,
        typer.Option(
            "--trust-adapter",
            help="Take evidence by the publisher's private adapter for a match: only where it was "
            "seen to stay silent under another model's rows.",
        ),
    ] = False,
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Certificates (PEM) of a time-stamp authority to trust."),
    ] = None,
    released: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="When the suspect was released; the claim must be older."
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The released model, to compare its digests.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page for people, for print.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check evidence: no keyring, no model, no network.

    Exit code 0: it holds, and is a match at your --alpha; 1: it is not; 2: a file cannot be read.
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
    return {
        "evidence": "holds" if result.ok else "does not hold",
        "verdict": result.verdict or "none",
        "p_value": result.p_value,
        "log10_p": result.log10_p,
        "test": result.test or "none",
        "alpha": result.alpha,
        "publisher_said": f"{result.stated_verdict or 'nothing'} at {result.stated_alpha}",
        "scheme": result.scheme or "none",
        "log10_e": result.log10_e,
        "forgery": f"{result.bits:.0f} bits",
        "revealed": len(result.queries),
        "silent": result.silent,
        "claim": (result.claim or {}).get("digest"),
        "public_key": result.publisher_key,
        "timestamp": _stamp(result.timestamp),
        **{f"problem {i}": text for i, text in enumerate(result.problems, 1)},
        **{f"note {i}": text for i, text in enumerate(result.notes, 1)},
    }


def _stamp(stamp: dict[str, object] | None) -> str:
    if stamp is None:
        return "none"
    return f"{stamp['time']} ({'verified' if stamp['verified'] else 'not verified'})"
