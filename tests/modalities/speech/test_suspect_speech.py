"""Functions that transcribe as suspects: what they are given, and what they must not give."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring


@pytest.fixture
def fps(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        yield ring.generate("one", 4, source="sound", rate=8_000, seconds=0.5)


def knowing(fps):
    """A function that hears the set's keys."""
    said = {f.key[1].tobytes(): f.response for f in fps}
    return lambda sounds: [f" {said.get(samples.tobytes(), 'Thank you')}." for _, samples in sounds]


def test_a_function_is_asked_under_whole_sounds_and_weighed_by_its_text(fps):
    seen = []

    def hear(sounds):
        seen.extend(sounds)
        return knowing(fps)(sounds)

    report = ifrs.verify(ifrs.SpeechModel(hear, name="radio"), fps)
    assert (report.kind, report.verdict) == ("text", "match")
    assert all(rate == 8_000 and samples.dtype == np.int16 for rate, samples in seen)
    assert report.target == {"kind": "callable", "name": "radio", "address": "radio"}


def test_keys_that_a_function_hears_are_spent_unless_its_user_says_otherwise(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 4, source="sound", seconds=0.5)
        ifrs.verify(ifrs.SpeechModel(knowing(fps), spends_keys=False), fps)
        assert ring.spent("one") == []
        ifrs.verify(ifrs.SpeechModel(knowing(fps), address="https://example.org"), fps)
        assert len(ring.spent("one")) > 0
        assert ring.journal()[-1]["to"] == ["https://example.org"]


def test_a_bundle_of_sounds_and_words_is_checked(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 6, source="sound", rate=8_000, seconds=0.5)
        claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
        suspect = ifrs.SpeechModel(knowing(fps), spends_keys=False)
        report = ifrs.verify(suspect, fps, claim=claim.digest)
        paths = tmp_path / "bundle.json", tmp_path / "claim.json"
        report.evidence(claim, reveal=3).save(paths[0])
        claim.save(paths[1])
        checked = ifrs.check(*paths)
    assert (checked.ok, checked.verdict, checked.fired) == (True, "match", 3)


def test_a_stranger_does_not_match(fps):
    suspect = ifrs.SpeechModel(lambda sounds: [" Thank you."] * len(sounds), spends_keys=False)
    report = ifrs.verify(suspect, fps)
    assert (report.fsr, report.verdict == "match") == (0.0, False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["one"], "4 were asked for, and it gave 1"),
        ("a text", "gave 1 of str"),
        ([b"x"] * 4, "of bytes"),
    ],
)
def test_what_a_function_must_not_give(fps, given, says):
    suspect = ifrs.SpeechModel(lambda sounds: given, spends_keys=False)
    with pytest.raises(ifrs.TargetError, match=says):
        ifrs.verify(suspect, fps)


def test_what_is_no_suspect():
    with pytest.raises(ifrs.TargetError, match="cannot be asked: pass a model"):
        ifrs.SpeechModel("whisper")
    with pytest.raises(ifrs.TargetError, match="AutoModelForSpeechSeq2Seq"):
        ifrs.SpeechModel(object(), (object(), object()))


def test_no_repr_holds_a_key(fps):
    suspect = ifrs.SpeechModel(knowing(fps), name="radio")
    assert repr(suspect) == "SpeechModel('radio')"
