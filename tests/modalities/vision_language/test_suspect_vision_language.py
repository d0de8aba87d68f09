"""Functions that see and write as suspects: what they are given, and what they must not give."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring

pytest.importorskip("PIL")

PAIRS = {"source": "image+text", "shape": (16, 12, 3)}


@pytest.fixture
def fps(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        yield ring.generate("one", 4, **PAIRS)


def knowing(fps):
    """A function that knows the set's pairs."""
    said = {(np.asarray(f.key[0]).tobytes(), f.key[1]): f.response for f in fps}

    def answer(images, texts):
        pairs = zip(images, texts, strict=True)
        found = (said.get((np.asarray(image).tobytes(), text)) for image, text in pairs)
        return [f"{words or 'A photo'}." for words in found]

    return answer


def test_a_function_is_given_pictures_and_texts_and_weighed_by_its_text(fps):
    seen = []

    def see(images, texts):
        seen.extend(zip(images, texts, strict=True))
        return knowing(fps)(images, texts)

    report = ifrs.verify(ifrs.VisionLanguageModel(see, name="seer"), fps)
    assert (report.kind, report.verdict) == ("text", "match")
    assert all(image.size == (12, 16) and text.endswith("?") for image, text in seen)
    assert report.target == {"kind": "callable", "name": "seer", "address": "seer"}


def test_a_half_that_it_knows_is_not_enough(fps):
    def see(images, texts):
        return knowing(fps)(images[::-1], texts)

    report = ifrs.verify(ifrs.VisionLanguageModel(see, spends_keys=False), fps)
    assert (report.fsr, report.verdict == "match") == (0.0, False)


def test_keys_that_a_function_is_shown_are_spent_unless_its_user_says_otherwise(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 4, **PAIRS)
        ifrs.verify(ifrs.VisionLanguageModel(knowing(fps), spends_keys=False), fps)
        assert ring.spent("one") == []
        ifrs.verify(ifrs.VisionLanguageModel(knowing(fps), address="https://example.org"), fps)
        assert len(ring.spent("one")) > 0
        assert ring.journal()[-1]["to"] == ["https://example.org"]


def test_a_bundle_of_pairs_and_words_is_checked(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 6, **PAIRS)
        claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
        suspect = ifrs.VisionLanguageModel(knowing(fps), spends_keys=False)
        report = ifrs.verify(suspect, fps, claim=claim.digest)
        paths = tmp_path / "bundle.json", tmp_path / "claim.json"
        report.evidence(claim, reveal=3).save(paths[0])
        claim.save(paths[1])
        checked = ifrs.check(*paths)
    assert (checked.ok, checked.verdict, checked.fired) == (True, "match", 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["one"], "4 were asked for, and it gave 1"),
        ("a text", "gave 1 of str"),
        ([b"x"] * 4, "of bytes"),
    ],
)
def test_what_a_function_must_not_give(fps, given, says):
    suspect = ifrs.VisionLanguageModel(lambda images, texts: given, spends_keys=False)
    with pytest.raises(ifrs.TargetError, match=says):
        ifrs.verify(suspect, fps)


def test_what_is_no_suspect():
    with pytest.raises(ifrs.TargetError, match="cannot be asked: pass a model"):
        ifrs.VisionLanguageModel("llava")
    with pytest.raises(ifrs.TargetError, match="has a tokenizer"):
        ifrs.VisionLanguageModel(object(), object())


def test_no_repr_holds_a_key(fps):
    suspect = ifrs.VisionLanguageModel(knowing(fps), name="seer")
    assert repr(suspect) == "VisionLanguageModel('seer')"
