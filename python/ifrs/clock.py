"""The time as records write it."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> str:
    """The time, UTC, as RFC 3339 writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
