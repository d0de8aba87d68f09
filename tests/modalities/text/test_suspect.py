"""Suspects at hand: how they are loaded, resized vocabularies, foreign tokenizers."""

from __future__ import annotations

import base64

import ifrs
import numpy as np
import pytest
from helpers import byte_level_bpe
from ifrs.errors import TargetError

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def letters():
    """A foreign tokenizer: bytes, and hardly a token more."""
    pytest.importorskip("transformers")
    return byte_level_bpe(["the quick brown fox"], 300)


def saved(folder, model, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_folder_dtype_and_device(tmp_path, ring, tiny, tokenizer):
    folder = saved(tmp_path / "suspect", tiny(), tokenizer)
    fps = ring.generate("one", 3, tokenizer=tokenizer)
    plain = ifrs.LocalModel.from_pretrained(folder)
    half = ifrs.LocalModel.from_pretrained(folder, dtype="bfloat16", device_map="cpu")
    assert plain.describe()["dtype"] == "float32"
    assert half.describe() == {
        "kind": "local",
        "name": "suspect",
        "dtype": "bfloat16",
        "device": "cpu",
    }
    assert [len(ifrs.verify(target, fps).queries) for target in (plain, half)] == [3, 3]


def above_mean(report):
    """By how much every word scored more than words do on average, for each key and place."""
    packed = [base64.b64decode(place) for query in report.queries for place in query.word_scores]
    scores = np.array([np.frombuffer(place, dtype="<f4") for place in packed])
    return scores - scores.mean(axis=1, keepdims=True)


def test_resized_vocabularies(ring, tiny, tokenizer):
    """Rows beyond the tokenizer's raise no word over another; missing ones are named."""
    fps = ring.generate("one", 4, tokenizer=tokenizer)
    before = ifrs.verify(ifrs.LocalModel(tiny(), tokenizer), fps)
    larger = tiny()
    larger.resize_token_embeddings(len(tokenizer) + 64)
    with torch.no_grad():
        larger.get_input_embeddings().weight[len(tokenizer) :] = 0
    after = ifrs.verify(ifrs.LocalModel(larger, tokenizer), fps)
    # Not ranks: torch adds in another order for another number of rows, and words that all but tie
    # change places.
    np.testing.assert_allclose(above_mean(after), above_mean(before), rtol=0, atol=1e-5)
    smaller = tiny()
    smaller.resize_token_embeddings(len(tokenizer) // 2)
    with pytest.raises(TargetError, match=f"only {len(tokenizer) // 2} rows"):
        ifrs.verify(ifrs.LocalModel(smaller, tokenizer), fps)


def test_a_foreign_tokenizer_leaves_only_text(ring, tiny, tokenizer, letters):
    fps = ring.generate("one", 10, tokenizer=tokenizer)
    suspect = tiny(vocab_size=len(letters))
    for options in ({}, {"reference": tokenizer}):
        report = ifrs.verify(ifrs.LocalModel(suspect, letters, **options), fps)
        assert report.kind == "text"
        assert "another tokenizer" in report.notes[0]
        assert "only what it wrote" in report.notes[0]
        assert len(report.queries) == 10, "no key is spent, so all are asked"
        assert report.verdict != "match"
        assert ring.spent("one") == []


def test_the_publishers_tokenizer_is_recognised(tmp_path, ring, tiny, tokenizer):
    fps = ring.generate("one", 3, tokenizer=tokenizer)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    report = ifrs.verify(ifrs.LocalModel(tiny(), tokenizer, reference=tmp_path / "tokenizer"), fps)
    assert report.kind == "likelihood"
    assert report.notes == []
    with pytest.raises(TargetError, match="tokenizer"):
        ifrs.LocalModel(tiny(), tokenizer, reference=tmp_path)


def test_eight_bits(tmp_path, ring, tiny, tokenizer):
    folder = saved(tmp_path / "suspect", tiny(), tokenizer)
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        with pytest.raises(TargetError, match="pip install bitsandbytes"):
            ifrs.LocalModel.from_pretrained(folder, load_in_8bit=True)
        return
    fps = ring.generate("one", 3, tokenizer=tokenizer)
    target = ifrs.LocalModel.from_pretrained(folder, load_in_8bit=True)
    assert len(ifrs.verify(target, fps).queries) == 3


def test_a_gguf_file_has_its_own_bits(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(TargetError, match="its own quantization"):
        ifrs.LocalModel.from_pretrained(tmp_path / "model.gguf", load_in_8bit=True)
    with pytest.raises(TargetError, match="cannot load"):
        ifrs.LocalModel.from_pretrained(tmp_path / "model.gguf")
