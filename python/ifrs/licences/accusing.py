"""`ifrs.licences.accuse`: from a trace to evidence that a court checks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.attest.accusation import Accusation
from ifrs.attest.roll import Roll
from ifrs.errors import EvidenceError, KeyringError
from ifrs.keyring import Keyring, keyring_of
from ifrs.licences.report import Trace

PathLike = str | os.PathLike[str]


def accuse(
    trace: Trace | Mapping[str, Any] | PathLike,
    fps: FingerprintSet,
    roll: Roll | PathLike,
    *,
    licensee: str | None = None,
    reveal: int | None = None,
    ring: Keyring | None = None,
) -> Accusation:
    """Make evidence that a suspect was made of one licensee's copy.

    It shows the keys and both responses of the positions that were asked, what the suspect
    answered, and this licensee's codeword with its proof in the roll. It shows nothing of other
    licensees. Its keys are spent by that: record them with `Keyring.spend`.

    Args:
        trace: What `trace` found, as it is, or its JSON.
        fps: The set that was traced.
        roll: The roll that was signed before the suspect was seen.
        licensee: Whom to accuse; the one whom the trace accuses without it.
        reveal: How many positions to show, rounded up to whole blocks of 16; all that were asked
            without it. Those that are not shown stay secret.
        ring: The set's keyring, which knows the copies; without it, the one that it came from.

    Raises:
        EvidenceError: The trace accuses nobody, or several while none was chosen; it is of an
            earlier version; or the roll is of other copies, or does not name the licensee.
        KeyringError: The keyring is closed, or knows no copies.
        OSError: A file cannot be read.
        ValueError: `reveal` is less than 1.
    """
    if reveal is not None and reveal < 1:
        raise ValueError(f"reveal must be at least 1, not {reveal}")
    found = ring or keyring_of(fps)
    if not isinstance(found, Keyring) or found.closed:
        raise KeyringError("licensees stand in the keyring: accuse while it is open")
    read = _read(trace)
    name = licensee or _only(read)
    fields = ("at", "form", "digest", "licensee")
    issued = [tuple(row[field] for field in fields) for row in found.licences(fps.name)]
    given = roll if isinstance(roll, Roll) else Roll.load(roll)
    return Accusation.of_trace(read, fps, given, issued, name, reveal=reveal)  # type: ignore[arg-type]


def _read(trace: Trace | Mapping[str, Any] | PathLike) -> Mapping[str, Any]:
    if isinstance(trace, Trace):
        return trace.to_json()
    if isinstance(trace, Mapping):
        return trace
    try:
        found = json.loads(Path(trace).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{os.fspath(trace)} is no trace of ifrs") from error
    if not isinstance(found, dict) or not str(found.get("format")).startswith("ifrs/trace/"):
        raise EvidenceError(
            f"{os.fspath(trace)} is no trace: give what ifrs licence trace --json wrote"
        )
    return found


def _only(trace: Mapping[str, Any]) -> str:
    accused = trace.get("accused") or []
    if not isinstance(accused, list) or not all(isinstance(name, str) for name in accused):
        raise EvidenceError("the trace does not name whom it accuses: trace the suspect again")
    if len(accused) != 1:
        whom = " and ".join(accused) or "nobody"
        raise EvidenceError(f"the trace accuses {whom}: say whom the evidence is about (licensee)")
    return str(accused[0])
