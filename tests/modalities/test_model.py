"""What is asked of a model of any kind."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.modalities.text.model import Model


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_each_response_is_looked_for_once(tiny, tokenizer, fps, monkeypatch):
    """The same key in other surroundings brings the same response again."""
    model, asked = Model(tiny(), tokenizer), []

    def counting(examples):
        asked.append([tuple(example.response) for example in examples])
        return [1.0] * len(examples)

    own = model.fingerprints(fps)
    monkeypatch.setattr(model, "_possible_starts", lambda _, starts: [(0, starts[0])])
    monkeypatch.setattr(model, "margins", counting)
    assert model.firing([example.prompt for example in own], [*own, *own]) == [0]
    for responses in asked:
        assert len(responses) == len(set(responses))
