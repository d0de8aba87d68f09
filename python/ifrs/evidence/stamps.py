"""RFC 3161 time stamps: asked for, and verified."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifrs.errors import EvidenceError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_SHA256 = "2.16.840.1.101.3.4.2.1"
_MAX_BYTES = 64 << 10
_MISSING = "time stamps need rfc3161-client: pip install 'ifrs[timestamp]'"


def request_stamp(url: str, data: bytes, *, timeout: float) -> bytes:
    """The DER of an authority's response over `data`.

    Raises:
        EvidenceError: The authority cannot be reached, or gave no stamp that fits.
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
    if read_stamp(response, data).tst_info.nonce != asked.nonce:
        raise EvidenceError("the time-stamp authority answered another request")
    return response


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
        read = decode_timestamp_response(response)
        imprint = read.tst_info.message_imprint
        fits = imprint.hash_algorithm.dotted_string == _SHA256
        fits = fits and imprint.message == sha256(data).digest()
    except Exception as error:
        # The package's parser raises errors of several kinds on what is no response.
        raise EvidenceError(f"this is no time stamp: {_reason(error)}") from error
    if not fits:
        raise EvidenceError("the time stamp is over something else than this claim")
    return read


def stamp_facts(
    response: bytes, data: bytes, roots: Sequence[str | os.PathLike[str]]
) -> dict[str, Any]:
    """When the stamp was made, and whether one of the trusted authorities made it.

    Certificates have to be valid at the time of the stamp.

    Raises:
        EvidenceError: It does not fit `data`, or none of `roots` vouches for it.
        ImportError: rfc3161-client is missing.
    """
    read = read_stamp(response, data)
    time = read.tst_info.gen_time.astimezone(timezone.utc)
    facts = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "verified": False}
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
