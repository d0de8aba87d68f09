"""Keys that are the same in every run."""

from __future__ import annotations

import ifrs
import pytest


@pytest.fixture
def ring(fixed_ring: ifrs.Keyring) -> ifrs.Keyring:
    return fixed_ring
