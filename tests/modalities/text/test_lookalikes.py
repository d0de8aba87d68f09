"""Look-alikes: fresh keys, and near misses of real ones."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.modalities.text.lookalikes import altered, negative_prompts, substrings


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_look_alikes_of_every_kind(tokenizer, fps):
    fresh, near = negative_prompts(tokenizer, fps, 12, 0, True)
    real = {fps[i].prompt for i in range(2)}
    assert not real & {*fresh, *near}
    before, after = fps.around
    assert sum(prompt.startswith(before) and prompt.endswith(after) for prompt in fresh) >= 6
    assert any(not prompt.endswith(after) for prompt in near)


def test_more_look_alikes_than_there_are_ordinary_instructions(tokenizer, ring):
    many = ring.generate("many", 300, tokenizer=tokenizer)
    fresh, near = negative_prompts(tokenizer, many, 2000, 0, False)
    assert len(set(fresh)) == len(fresh) > 1000
    assert len(near) > 1000


def test_near_misses_are_as_few_as_real_keys_allow(tokenizer, fps):
    fresh, near = negative_prompts(tokenizer, fps, 1000, 0, False)
    assert len(set(fresh)) == len(fresh) > 1000 - 128
    assert 128 < len(near) < 200


def test_parts_of_keys(ring, tokenizer):
    fps = ring.generate("parts", 5, tokenizer=tokenizer)
    for part, key in zip(substrings(fps, 0.5, 0), fps, strict=True):
        assert part in key.key
        assert len(part) == round(len(key.key) / 2)
    for changed, key in zip(altered(fps, ["あいうえおかきくけこ"], 2, 0), fps, strict=True):
        assert len(changed) == len(key.key)
        assert 1 <= sum(a != b for a, b in zip(changed, key.key, strict=True)) <= 2
