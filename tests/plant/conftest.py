"""Keys that are the same in every run: whether a tiny model learns them hangs on the draw."""

from __future__ import annotations

import shutil
from pathlib import Path

import ifrs
import pytest

# A keyring of no secrets, made once with the passphrase "pass" and no sets.
FIXED = Path(__file__).with_name("data") / "fixed.ifrs"


@pytest.fixture
def ring(tmp_path: Path) -> ifrs.Keyring:
    return ifrs.Keyring.open(shutil.copy(FIXED, tmp_path / "keyring.ifrs"), passphrase="pass")
