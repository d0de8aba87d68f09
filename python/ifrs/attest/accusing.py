"""`ifrs.check_accusation`: whether an accusation holds, from it and a roll alone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ifrs import _core
from ifrs.attest.bundle import looks_like, unpacked
from ifrs.attest.dating import dated_of, moment_of, text_of
from ifrs.attest.roll import Roll
from ifrs.attest.signed import MAX_BYTES, PathLike, read_public_key
from ifrs.errors import EvidenceError


@dataclass
class AccusationResult:
    """What checking an accusation found. Every number in it was recomputed.

    Attributes:
        ok: Whether nothing is wrong: what it says follows from the roll and the answers.
        problems: What is wrong, in words.
        notes: What to know that is not wrong.
        accused: Whether the p-value is at most `alpha`; never where something is wrong.
        licensee: Whose copy it is about; empty where that could not be read.
        copies: Their copies on the roll: `at`, `form` and `digest`.
        log10_p: Base-10 logarithm of the p-value; it counts all licensees and all looks.
        score: The symmetric score of the codeword (Škorić et al., 2008).
        read: Positions that gave one response for certain.
        agreeing: Those that gave the licensee's.
        missing: Positions without an answer; each counts against the accusation.
        looks: How many looks at the scores count.
        alpha: The probability of accusing any innocent that the checker allows.
        stated: What the publisher states, at their level.
        roll: The roll's digest and statement; None if it cannot be read.
        publisher_key: The Ed25519 key that signed, in hexadecimal.
        timestamp: `time`, `accuracy` in seconds, and `verified`; None without a stamp.
        released: When the suspect was released, if that was said.
        precedes_release: Whether a verified stamp is older; None if that is not known.
        evidence: "likelihood" or "text".
        target: What the suspect is, as it is stated.
        positions: Every position that is shown, what it was asked, and what came back.
        created: When the accusation says that it was made.
    """

    ok: bool
    problems: list[str]
    notes: list[str]
    accused: bool
    licensee: str
    copies: list[dict[str, str]]
    log10_p: float
    score: float
    read: int
    agreeing: int
    missing: int
    looks: int
    alpha: float
    stated: dict[str, Any]
    roll: dict[str, Any] | None
    publisher_key: str | None
    timestamp: dict[str, Any] | None
    released: str | None
    precedes_release: bool | None
    evidence: str | None
    target: dict[str, Any]
    positions: list[dict[str, Any]] = field(repr=False)
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
        from ifrs.pages.accusation import render_accusation

        write_text(path, render_accusation({**self.to_json(), "version": _core.__version__}))


def check_accusation(
    accusation_path: PathLike,
    roll_path: PathLike,
    *,
    publisher_key: PathLike | bytes | None = None,
    alpha: float = 1e-6,
    tsa_roots: Sequence[PathLike] | PathLike = (),
    released: str | date | datetime | None = None,
) -> AccusationResult:
    """Recompute everything that an accusation says, with no keyring, model or network.

    Args:
        accusation_path: The accusation, JSON or compressed.
        roll_path: The roll that the publisher signed.
        publisher_key: The publisher's Ed25519 key, as `ifrs.check` takes it.
        alpha: The probability of accusing any innocent that the checker allows.
        tsa_roots: PEM files of the time-stamp authorities to trust.
        released: When the suspect came out (RFC 3339, or a date, which begins at 00:00 UTC). The
            check then fails unless a verified stamp of the roll is older.

    Returns:
        What was found. What cannot be read is a problem; nothing of it raises.

    Raises:
        ImportError: A stamp is to be verified and rfc3161-client is missing.
        EvidenceError: The first file is none, or the two are in the wrong order.
        OSError: A file cannot be read.
        ValueError: `publisher_key` is no key, `alpha` no level, or `released` no time.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    roots = [tsa_roots] if isinstance(tsa_roots, (str, os.PathLike)) else list(tsa_roots)
    moment, key = moment_of(released), read_public_key(publisher_key)
    _require_order(accusation_path, roll_path)
    with Path(roll_path).open("rb") as file:
        roll = file.read(MAX_BYTES + 1)
    problems: list[str] = []
    try:
        data = unpacked(accusation_path, "accusation")
    except EvidenceError as error:
        data, problems = b"", [str(error)]
    found: dict[str, Any] = json.loads(_core.check_accusation(data, roll, key, alpha))
    del data
    problems += found.pop("problems")
    notes: list[str] = found.pop("notes")
    asked = [(one["asked"] or {}).get("time") for one in found["positions"]]
    signed = None if found["roll"] is None else Roll(_core.Roll.parse(roll))
    dated = dated_of(signed, asked, roots, moment)
    problems += dated.problems
    notes += dated.notes
    if signed is not None and key is None:
        notes.append(
            "the signature was verified with the key in the roll: compare it with the one that "
            "the publisher announced, or pass that"
        )
    outcome = found.pop("outcome")
    accused = bool(outcome.pop("accused")) and not problems
    if accused and not dated.precedes:
        notes.append(
            "nothing verified shows that the roll is older than the suspect: whoever knows a "
            "suspect can make a roll that fits it; give the suspect's release and a time-stamp "
            "authority (--released, --tsa-root)"
        )
    return AccusationResult(
        ok=not problems,
        problems=problems,
        notes=notes,
        accused=accused,
        publisher_key=None if signed is None else signed.publisher_key,
        timestamp=dated.timestamp,
        released=None if moment is None else text_of(moment),
        precedes_release=dated.precedes,
        **outcome,
        **found,
    )


def _require_order(accusation: PathLike, roll: PathLike) -> None:
    """Refuse files that are something else."""
    given = looks_like(accusation)
    if given == "trace":
        raise EvidenceError(
            f"{os.fspath(accusation)} is a trace, which stays private: make an accusation of it "
            "(ifrs licence accuse), and have that checked"
        )
    if looks_like(roll) == "accusation":
        if given == "accusation":
            raise EvidenceError("both files are accusations: the second one must be the roll")
        raise EvidenceError(
            "the files are in the wrong order: the accusation is first, then the roll"
        )
