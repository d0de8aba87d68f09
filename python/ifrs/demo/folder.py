"""The folder that a demo writes to."""

from __future__ import annotations

import shutil
from pathlib import Path

from ifrs.errors import IfrsError

_OURS = {
    "keyring.ifrs",
    "keyring.ifrs.bak",
    "keyring.ifrs.lock",
    "passphrase.txt",
    "model",
    "claim.json",
    "report-base.json",
    "report-fingerprinted.json",
    "bundle.json",
    "evidence.html",
    "report.html",
    "summary.json",
}


def emptied(out: Path) -> None:
    """Empty a former demo's folder; refuse any other that is not empty.

    Raises:
        IfrsError: It holds other files.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = {path.name for path in out.iterdir()}
    if found - _OURS:
        raise IfrsError(
            f"{out} holds other files ({sorted(found - _OURS)[0]}): choose another --out"
        )
    for name in found:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
