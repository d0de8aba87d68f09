"""Kinds of models by name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ifrs.modalities import MODALITIES, keys_of, kind_of, model_of


def test_every_source_has_a_kind_that_is_there():
    for source in ("image", "observation", "sound", "mixed"):
        assert keys_of(kind_of(source)) is not None


@pytest.mark.parametrize("kind", sorted(set(MODALITIES) - {"text", "image", "policy"}))
def test_a_kind_with_keys_alone_says_so(kind):
    with pytest.raises(ValueError, match="cannot be planted in yet"):
        model_of(SimpleNamespace(modality=kind), None)
