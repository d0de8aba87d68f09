"""RFC 3161 time stamps: asked for, and verified."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifrs.errors import EvidenceError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

# How far the publisher's clock may be off the authority's. What the publisher says of a time is
# their word anyway; what counts is the authority's.
CLOCKS_MAY_DIFFER = timedelta(minutes=10)

_SHA256 = "2.16.840.1.101.3.4.2.1"
_MAX_BYTES = 64 << 10
_UNSIGNED_ATTRIBUTES = 0xA1
_MISSING = "time stamps need rfc3161-client: pip install 'ifrs[timestamp]'"


def request_stamp(url: str, data: bytes, *, timeout: float) -> bytes:
    """The DER of an authority's response over `data`.

    Raises:
        EvidenceError: The authority cannot be reached, gave no stamp that fits, or its clock and
            this machine's are further apart than `check` accepts.
        ImportError: rfc3161-client is missing.
    """
    if not url.startswith(("http://", "https://")):
        raise EvidenceError("a time-stamp authority's address begins with http:// or https://")
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise ImportError(_MISSING) from error
    asked = (
        TimestampRequestBuilder()
        .data(data)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    response = _post(url, asked.as_bytes(), timeout)
    read = read_stamp(response, data)
    if read.tst_info.nonce != asked.nonce:
        raise EvidenceError("the time-stamp authority answered another request")
    stamped, accuracy = _time_of(read)
    here = _now()
    if abs(here - stamped) > CLOCKS_MAY_DIFFER + accuracy:
        raise EvidenceError(
            f"the time-stamp authority says that it is {_text(stamped)}, and this machine "
            f"{_text(here)}: a stamp so far off would show nothing; set the clock that is wrong, "
            "and make the claim anew"
        )
    return response


def require_fitting(response: bytes, data: bytes, created: str) -> None:
    """That a stamp over `data`, a claim that says when it was created, will be accepted.

    Raises:
        EvidenceError: It is no stamp, over something else, or older than the claim.
        ImportError: rfc3161-client is missing.
    """
    stamped, accuracy = _time_of(read_stamp(response, data))
    if older(stamped, accuracy, datetime.fromisoformat(created.replace("Z", "+00:00"))):
        raise EvidenceError(
            f"the time stamp ({_text(stamped)}) is older than the claim ({created}), so it would "
            "show nothing: set the clock that is wrong, and make the claim anew"
        )


def older(stamped: datetime, accuracy: timedelta, moment: datetime) -> bool:
    """Whether a stamp was made before a moment by the publisher's clock, beyond all tolerance."""
    return stamped + accuracy + CLOCKS_MAY_DIFFER < moment


def later(stamped: datetime, accuracy: timedelta, moment: datetime) -> bool:
    """Whether a stamp was made after a moment by the publisher's clock, beyond all tolerance."""
    return stamped - accuracy - CLOCKS_MAY_DIFFER > moment


def _time_of(read: TimeStampResponse) -> tuple[datetime, timedelta]:
    """When a stamp was made, to the second, and how far the true time may lie from that."""
    time = read.tst_info.gen_time.astimezone(timezone.utc)
    whole = time.replace(microsecond=0)
    said = read.tst_info.accuracy
    if said is None:
        return whole, time - whole
    fraction = timedelta(milliseconds=said.millis or 0, microseconds=said.micros or 0)
    return whole, timedelta(seconds=said.seconds or 0) + fraction + (time - whole)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _post(url: str, body: bytes, timeout: float) -> bytes:
    request = urllib.request.Request(
        url, data=body, headers={"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            answer: bytes = response.read(_MAX_BYTES + 1)
    except (OSError, urllib.error.URLError) as error:
        raise EvidenceError(f"the time-stamp authority cannot be reached: {error}") from error
    if len(answer) > _MAX_BYTES:
        raise EvidenceError("the time-stamp authority answered too much")
    return answer


def read_stamp(response: bytes, data: bytes) -> TimeStampResponse:
    """A response that fits `data`; who made it is not looked at.

    Raises:
        EvidenceError: It is no stamp, or over something else.
        ImportError: rfc3161-client is missing.
    """
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError as error:
        raise ImportError(_MISSING) from error
    try:
        read = decode_timestamp_response(in_order(response))
        granted = read.status == 0
        imprint = read.tst_info.message_imprint
        fits = imprint.hash_algorithm.dotted_string == _SHA256
        fits = fits and imprint.message == sha256(data).digest()
    except Exception as error:
        # The package's parser raises errors of several kinds on what is no response.
        raise EvidenceError(f"this is no time stamp: {_reason(error)}") from error
    if not fits:
        raise EvidenceError("the time stamp is over something else than this claim")
    if not granted:
        raise EvidenceError("the time-stamp authority granted another stamp than was asked for")
    return read


def in_order(response: bytes) -> bytes:
    """A response whose sets that nobody signed are in the order of DER; else as it is.

    rfc3161-client reads DER alone, in which the members of a set are sorted. CMS demands that of
    signed attributes (RFC 5652, section 5.3), and `openssl ts` writes certificates in the order of
    its configuration, and verifies them so. Sorting moves members within their set, so no length
    changes. What is not of the expected form is left to the reader of the whole.
    """
    data = bytearray(response)
    try:
        for start, end in _unsigned_sets(response):
            members = [response[one.start : one.end] for one in _parts(response, start, end)]
            data[start:end] = b"".join(sorted(members))
    except (ValueError, IndexError):
        return response
    return bytes(data)


@dataclass(frozen=True)
class _Part:
    """One element of DER: its tag, and where it, its content and its end are."""

    tag: int
    start: int
    content: int
    end: int


def _unsigned_sets(response: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of a token's sets lie that no signature covers (RFC 5652, section 5)."""

    def inside(part: _Part) -> list[_Part]:
        return _parts(response, part.content, part.end)

    (whole,) = _parts(response, 0, len(response))
    _, token = inside(whole)
    _, explicit = inside(token)
    (signed,) = inside(explicit)
    _, algorithms, _, *optional, signers = inside(signed)
    found = [algorithms, *optional]  # certificates and revocation lists, where there are any
    for signer in inside(signers):
        found += [part for part in inside(signer) if part.tag == _UNSIGNED_ATTRIBUTES]
    yield from ((part.content, part.end) for part in found)


def _parts(data: bytes, start: int, end: int) -> list[_Part]:
    """The elements between two places, which they fill; lengths have to be definite."""
    parts = []
    while start < end:
        content, length = start + 2, data[start + 1]
        if length >= 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("no definite length")
            length = int.from_bytes(data[content : content + size], "big")
            content += size
        if content + length > end:
            raise ValueError("an element is longer than what holds it")
        parts.append(_Part(data[start], start, content, content + length))
        start = content + length
    return parts


def stamp_facts(
    response: bytes, data: bytes, roots: Sequence[str | os.PathLike[str]]
) -> dict[str, Any]:
    """When the stamp was made, and whether one of the trusted authorities made it.

    That is `time` (RFC 3339, UTC), `accuracy`, the seconds that the true time may lie from it,
    and `verified`. Certificates have to be valid at the time of the stamp.

    Raises:
        EvidenceError: It does not fit `data`, or none of `roots` vouches for it.
        ImportError: rfc3161-client is missing.
    """
    read = read_stamp(response, data)
    time, accuracy = _time_of(read)
    facts = {"time": _text(time), "accuracy": accuracy.total_seconds(), "verified": False}
    if not roots:
        return facts
    from rfc3161_client import VerificationError, VerifierBuilder

    builder = VerifierBuilder()
    for root in _certificates(roots):
        builder = builder.add_root_certificate(root)
    try:
        # A fresh object: verifying takes parts out of the one it is given.
        builder.build().verify(read_stamp(response, data), sha256(data).digest())
    except (VerificationError, ValueError) as error:
        raise EvidenceError(
            f"the time stamp of {facts['time']} is not vouched for by the trusted authorities: "
            f"{_reason(error)}"
        ) from error
    return {**facts, "verified": True}


def _certificates(roots: Sequence[str | os.PathLike[str]]) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates

    found: list[Any] = []
    for path in roots:
        try:
            found += load_pem_x509_certificates(Path(path).read_bytes())
        except ValueError as error:
            raise EvidenceError(f"{os.fspath(path)} holds no certificates in PEM") from error
    return list(dict.fromkeys(found))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
