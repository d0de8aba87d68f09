"""What a model answers by itself."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.modalities.text.answers import generate


def test_generation_does_not_depend_on_the_batch(tiny, tokenizer):
    model = tiny()
    prompts = [[10, 11, 12, 13, 14, 15], [16], [17, 18, 19]]
    together = generate(model, tokenizer, prompts, max_new_tokens=5)
    alone = [generate(model, tokenizer, [p], max_new_tokens=5)[0] for p in prompts]
    assert together == alone
