"""Texts as tokens."""

from __future__ import annotations

import pytest
from ifrs import _core

pytest.importorskip("torch")
from ifrs.modalities.text.tokens import continuations, response_tokens


def test_response_words_are_one_token_each(tokenizer, ring):
    fps = ring.generate("one", 20, tokenizer=tokenizer)
    for tokens, fingerprint in zip(response_tokens(tokenizer, fps), fps, strict=True):
        assert tokenizer.decode(tokens) == " " + fingerprint.response
    words = continuations(tokenizer, "ASSISTANT:", [" " + w for w in _core.response_words()])
    assert len({ids[0] for ids in words}) > 2000
