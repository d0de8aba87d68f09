"""When a claim was seen by a time-stamp authority, and whether that was before its suspect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

from ifrs.attest.signed import PathLike, Signed
from ifrs.errors import EvidenceError


@dataclass
class Dated:
    """What a time stamp shows.

    Attributes:
        timestamp: `time`, `accuracy` in seconds, and `verified`; None without a stamp.
        precedes: Whether a verified stamp is older than the suspect; None if that is not known.
        problems: What is wrong, in words.
        notes: What to know that is not wrong.
    """

    timestamp: dict[str, Any] | None = None
    precedes: bool | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def dated_of(
    signed: Signed | None,
    asked: Sequence[Any],
    roots: Sequence[PathLike],
    released: datetime | None,
) -> Dated:
    """Look at a statement's stamp.

    Args:
        signed: The statement; None where it could not be read.
        asked: When the suspect was queried, as it is stated.
        roots: PEM files of the authorities to trust.
        released: When the suspect was released, if that was said.

    Raises:
        ImportError: A stamp is to be verified and rfc3161-client is missing.
    """
    found = Dated()
    if signed is not None:
        try:
            found.timestamp = signed.stamped(roots)
        except EvidenceError as error:
            found.problems.append(f"time stamp: {error}")
        except ImportError as error:
            if roots or released is not None:
                raise
            found.notes.append(str(error))
    stamp, verified = found.timestamp, False
    if signed is not None and stamp is not None:
        verified = bool(stamp["verified"])
        if verified:
            found.problems += _order(stamp, signed, asked)
        else:
            found.notes.append(
                "the time stamp was not verified: pass the authority's root certificate "
                "(--tsa-root)"
            )
    if released is not None:
        # At the latest: when a suspect came out is not told by the publisher's clock.
        found.precedes = verified and stamp is not None and _latest(stamp) < released
        if not found.precedes:
            called = "claim" if signed is None else signed.called
            found.problems.append(
                f"release: no verified time stamp shows that the {called} is older than the "
                f"suspect's release ({text_of(released)})"
            )
    return found


def _latest(stamp: dict[str, Any]) -> datetime:
    return _parse(stamp["time"]) + timedelta(seconds=stamp["accuracy"])


def _order(stamp: dict[str, Any], signed: Signed, asked: Sequence[Any]) -> list[str]:
    """A stamp lies between the claim and the first query, or it shows nothing.

    Both are times of the publisher's clock, which may be some minutes off the authority's.
    """
    from ifrs.attest.stamps import later, older

    problems = []
    said, stamped = stamp["time"], _parse(stamp["time"])
    accuracy = timedelta(seconds=stamp["accuracy"])
    if older(stamped, accuracy, _parse(signed.created)):
        problems.append(
            f"time stamp: it ({said}) is older than the {signed.called} ({signed.created})"
        )
    first = min(filter(None, (_maybe(time) for time in asked)), default=None)
    if first is not None and later(stamped, accuracy, first):
        problems.append(
            f"time stamp: it ({said}) is later than the first query ({text_of(first)}): the "
            f"{signed.called} may have been made to fit the answers"
        )
    return problems


def moment_of(given: str | date | datetime | None) -> datetime | None:
    """A release as a time with its zone; a date begins at 00:00 UTC.

    Raises:
        ValueError: It is neither.
    """
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = _parse(given)
        except ValueError as error:
            raise ValueError("released must be RFC 3339 or a date, such as 2026-01-31") from error
    if not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day)
    return given if given.tzinfo else given.replace(tzinfo=timezone.utc)


def _maybe(text: Any) -> datetime | None:
    try:
        return _parse(text)
    except (TypeError, ValueError, AttributeError):
        return None


def _parse(text: str) -> datetime:
    time = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def text_of(time: datetime) -> str:
    """A time in UTC, to the second."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
