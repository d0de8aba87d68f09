"""Settings that make no sense are refused."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("torch")


@pytest.mark.parametrize(
    "changes", [{"max_epochs": 0}, {"negatives": 1}, {"margin": -1}, {"learning_rate": 0.0}]
)
def test_bad_settings(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        ifrs.ImplantConfig(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_rank": 0},
        {"adapter_rank": 0},
        {"micro_batch": 0},
        {"harden": -1},
        {"surroundings": -1},
        {"harden_rate": 0.0},
        {"target_fsr": 0.0},
        {"dtype": "float8"},
    ],
)
def test_bad_settings_of_single_methods_and_passes(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        ifrs.ImplantConfig(**changes)
