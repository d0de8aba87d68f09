"""What a planted folder says of itself; nothing in it is secret."""

from __future__ import annotations

import json
from pathlib import Path

MANIFEST = "ifrs-manifest.json"
FORMAT = "ifrs/manifest/v1"


def planted_sets(folder: Path) -> list[str] | None:
    """The sets that a folder's manifest names; None without a manifest that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        several = manifest.get("sets") or [manifest]
        return [str(one["set"]) for one in several]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
