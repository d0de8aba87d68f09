"""Keys that are the same in every run."""

from __future__ import annotations

import shutil
from pathlib import Path

import ifrs
import pytest
from helpers import FIXED_KEYRING


@pytest.fixture
def ring(tmp_path: Path) -> ifrs.Keyring:
    copy = shutil.copy(FIXED_KEYRING, tmp_path / "keyring.ifrs")
    return ifrs.Keyring.open(copy, passphrase="pass")
