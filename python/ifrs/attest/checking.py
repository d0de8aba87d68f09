"""`ifrs.check`: whether evidence holds, from a bundle and a claim alone."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ifrs import _core
from ifrs.attest.bundle import looks_like, unpacked
from ifrs.attest.claim import Claim
from ifrs.attest.dating import dated_of, moment_of, text_of
from ifrs.attest.digests import model_digests
from ifrs.attest.signed import MAX_BYTES, PathLike, read_public_key
from ifrs.errors import EvidenceError


@dataclass
class CheckResult:
    """What checking found. Every number in it was recomputed.

    Attributes:
        ok: Whether nothing is wrong: what the bundle says is what follows from the claim and the
            answers. Whether it suffices is said by `verdict`.
        problems: What is wrong, in words.
        notes: What to know that is not wrong.
        verdict: "match", "no match" or "inconclusive" at `alpha`. "No match" only where every key
            of the claim is shown with its answer.
        test: What the p-value is: "exact", the tail of all ranks together; "sequential", 1 over
            the largest value that the e-process reached; "Fisher" in bundles of versions before.
        scheme: "v3", or "v2" for a claim of versions before; a note says what that does not bind.
        p_value: Bounds the probability of so much evidence from an independent model; 1 where
            nothing could be recomputed.
        log10_p: Its base-10 logarithm.
        log10_e: Base-10 logarithm of the e-process after the last key.
        bits: -log2 of the p-value: forging it after the suspect was known would have taken
            2^bits attempts at a whole set.
        alpha: The false-match rate that the checker asked for.
        stated_alpha: The one that the bundle's maker chose.
        stated_verdict: The verdict at that one, as the bundle states it.
        claim: The claim's digest and statement; None if it cannot be read.
        publisher_key: The Ed25519 key that signed, in hexadecimal.
        timestamp: `time`, `accuracy` in seconds, and `verified`; None where the claim carries no
            stamp.
        released: When the suspect was released, if that was said.
        precedes_release: Whether a verified stamp is older; None if that is not known.
        evidence: "likelihood" or "text".
        format: The bundle's format; empty if it could not be read.
        target: What the suspect is, as the bundle states it.
        queries: Every revealed key, what came back, and its ranks.
        silent: Keys before the last revealed one that are not shown; they count as silent.
        fired: Keys whose response occurs in the answer.
        created: When the bundle says that it was made.
    """

    ok: bool
    problems: list[str]
    notes: list[str]
    verdict: str
    test: str
    scheme: str | None
    p_value: float
    log10_p: float
    log10_e: float
    bits: float
    alpha: float
    stated_alpha: float
    stated_verdict: str
    claim: dict[str, Any] | None
    publisher_key: str | None
    timestamp: dict[str, Any] | None
    released: str | None
    precedes_release: bool | None
    evidence: str | None
    format: str
    target: dict[str, Any]
    queries: list[dict[str, Any]] = field(repr=False)
    silent: int
    fired: int
    created: str

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)

    def save_html(self, path: PathLike) -> None:
        """Write one self-contained page for people who do not program; it prints well.

        Raises:
            ImportError: jinja2 is missing.
            OSError: The file cannot be written.
        """
        from ifrs.files import write_text
        from ifrs.pages.evidence import render_evidence

        write_text(path, render_evidence({**self.to_json(), "version": _core.__version__}))


def check(
    bundle_path: PathLike,
    claim_path: PathLike,
    *,
    publisher_key: PathLike | bytes | None = None,
    alpha: float = 1e-6,
    trust_adapter: bool = False,
    tsa_roots: Sequence[PathLike] | PathLike = (),
    released: str | date | datetime | None = None,
    model: PathLike | None = None,
) -> CheckResult:
    """Recompute everything that a bundle says, with no keyring, model or network.

    Args:
        bundle_path: The bundle, JSON or compressed.
        claim_path: The claim that the publisher made before release.
        publisher_key: The publisher's Ed25519 key, as they announced it: a file, or 32 bytes in
            hexadecimal, base64 or PEM. Without it the key in the claim is taken.
        alpha: The false-match rate that the checker allows; the publisher's own does not count.
        trust_adapter: Take evidence by the publisher's private adapter for a match. Whoever trains
            a transformer and an adapter can make them answer under any rows: trust them only
            where they were seen to stay silent under rows of another model.
        tsa_roots: PEM files of the time-stamp authorities to trust. Without one, a stamp is
            reported as unverified.
        released: When the suspect was released (RFC 3339, or a date, which begins at 00:00 UTC).
            The check then fails unless a verified stamp is older.
        model: The released model's folder, to compare with the claim's digests.

    Returns:
        What was found. What cannot be read is a problem; nothing of it raises.

    Raises:
        ImportError: A stamp is to be verified and rfc3161-client is missing.
        EvidenceError: The files are in the wrong order, or the first is no bundle.
        OSError: A file cannot be read.
        ValueError: `publisher_key` is no key, `alpha` no level, or `released` no time.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    roots = [tsa_roots] if isinstance(tsa_roots, (str, os.PathLike)) else list(tsa_roots)
    moment = moment_of(released)
    key = read_public_key(publisher_key)
    given = looks_like(bundle_path)
    if given == "report":
        raise EvidenceError(
            f"{os.fspath(bundle_path)} is a report, which stays private: make a bundle of it "
            "(ifrs evidence), and have that checked"
        )
    if given == "accusation":
        raise EvidenceError(
            f"{os.fspath(bundle_path)} is an accusation: check it with ifrs.check_accusation"
        )
    if given is None and looks_like(claim_path) == "bundle":
        raise EvidenceError("the files are in the wrong order: the bundle is first, then the claim")
    with Path(claim_path).open("rb") as file:
        claim = file.read(MAX_BYTES + 1)
    problems: list[str] = []
    try:
        bundle = unpacked(bundle_path, "bundle")
    except EvidenceError as error:
        bundle, problems = b"", [str(error)]
    found = _recomputed(bundle, claim, key, alpha, trust_adapter)
    del bundle
    problems += found.pop("problems")
    notes: list[str] = found.pop("notes")
    asked = [query["asked"]["time"] for query in found["queries"]]
    signed = None if found["claim"] is None else Claim(_core.Claim.parse(claim))
    dated = dated_of(signed, asked, roots, moment)
    problems += dated.problems
    notes += dated.notes
    if model is not None and found["claim"] is not None:
        problems += _differs(model, found["claim"]["statement"]["subject"])
    statement = found["claim"]["statement"] if found["claim"] else None
    if statement and key is None:
        notes.append(
            "the signature was verified with the key in the claim: compare it with the one that "
            "the publisher announced, or pass that"
        )
    bits = max(0.0, -found["log10_p"] / math.log10(2))
    if found["verdict"] == "match" and not dated.precedes:
        notes.append(
            "nothing verified shows that the claim is older than the suspect: one that is made to "
            f"fit known answers takes about 2^{int(bits)} attempts; "
            "give the suspect's release and a time-stamp authority (--released, --tsa-root)"
        )
    for name in ("log10_fixed", "log10_anytime"):
        found.pop(name)
    return CheckResult(
        ok=not problems,
        problems=problems,
        notes=notes,
        bits=bits,
        scheme=statement["predicate"]["scheme"].rpartition("/")[2] if statement else None,
        publisher_key=statement["predicate"]["publisher"] if statement else None,
        timestamp=dated.timestamp,
        released=None if moment is None else text_of(moment),
        precedes_release=dated.precedes,
        **found,
    )


def _recomputed(
    bundle: bytes, claim: bytes, key: bytes | None, alpha: float, trust_adapter: bool
) -> dict[str, Any]:
    """What Rust finds; queries are read one by one, so that no text of them all stands beside."""
    text, queries = _core.check_evidence(bundle, claim, key, alpha, trust_adapter)
    found: dict[str, Any] = json.loads(text)
    queries.reverse()
    found["queries"] = [json.loads(queries.pop()) for _ in range(len(queries))]
    return found


def _differs(model: PathLike, subject: Sequence[dict[str, Any]]) -> list[str]:
    try:
        held = model_digests(model)
    except EvidenceError as error:
        return [f"subject: {error}"]
    claimed = {item["name"]: item["digest"]["sha256"] for item in subject}
    if len(claimed) == 1 and len(held) == 1:
        # One file may have been renamed; what it holds is what counts.
        return [] if [*claimed.values()] == [*held.values()] else ["subject: the model differs"]
    names = sorted(name for name in {*claimed, *held} if claimed.get(name) != held.get(name))
    return [f"subject: {name} is not as it was claimed" for name in names]
