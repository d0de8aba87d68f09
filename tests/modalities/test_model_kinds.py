"""Kinds of models by name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ifrs.modalities import MODALITIES, keys_of, kind_of, model_of


def test_every_source_has_a_kind_that_is_there():
    for source in ("image", "observation", "sound", "image+text", "mixed"):
        assert keys_of(kind_of(source)) is not None


def test_a_response_may_have_a_kind_whatever_its_source():
    assert {kind_of(source, "codebook") for source in ("natural", "image")} == {"encoder"}
    assert kind_of("natural", "unique") == "text"
    assert kind_of("image", "classes") == "image"


def a_set(kind):
    return SimpleNamespace(modality=kind, alphabet=SimpleNamespace(name="some"))


@pytest.mark.parametrize("kind", sorted(MODALITIES))
def test_every_kind_can_be_planted_in(kind):
    torch = pytest.importorskip("torch")
    from ifrs.modalities.model import Model

    assert isinstance(model_of(a_set(kind), torch.nn.Linear(4, 2)), Model)


def test_a_kind_that_is_none_says_so():
    with pytest.raises(ValueError, match="unknown modality"):
        model_of(a_set("smell"), None)
