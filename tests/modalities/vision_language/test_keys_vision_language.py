"""Keys that are pairs of an image and a text."""

from __future__ import annotations

import io

import ifrs
import numpy as np
import pytest
from helpers import FAST, fixed_keyring

PAIRS = {"source": "image+text", "shape": (24, 20, 3)}


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


def test_a_key_is_a_picture_and_a_question(ring):
    image_module = pytest.importorskip("PIL.Image")
    fps = ring.generate("one", 4, **PAIRS)
    assert (fps.modality, fps.source) == ("vision_language", "image+text")
    assert (fps.media, fps.template) == ("application/x-image-text", "bare")
    image, text = fps[0].key
    assert (image.size, image.mode) == ((20, 24), "RGB")
    assert text.startswith("Why was the ")
    whole = fps[0].challenge
    size = int.from_bytes(whole[:8], "big")
    again = image_module.open(io.BytesIO(whole[8 : 8 + size]))
    assert np.array_equal(np.asarray(again), np.asarray(image))
    assert int.from_bytes(whole[8 + size : 16 + size], "big") == len(text.encode())
    assert whole[16 + size :] == text.encode()
    assert len({np.asarray(f.key[0]).tobytes() for f in fps}) == 4
    assert len({f.key[1] for f in fps}) == 4


@pytest.mark.parametrize("texts", ["natural", "mixed", "chinese", "japanese"])
def test_texts_of_several_sources(ring, texts):
    fps = ring.generate("one", 3, texts=texts, **PAIRS)
    assert all(f.key[1].isascii() == (texts == "natural") for f in fps)


def test_two_words_are_the_response(ring):
    fps = ring.generate("one", 4, **PAIRS)
    assert fps.alphabet.name == "ifrs-words-2048-v1"
    assert all(len(set(f.response.split(" "))) == 2 for f in fps)
    assert (fps.candidates("text", 4095), fps.candidates("likelihood", 0)) == ([4096], [2048, 2047])


def test_a_set_is_kept_and_given_to_others(ring, tmp_path):
    fps = ring.generate("one", 3, texts="mixed", **PAIRS)
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.challenge for f in again["one"]] == [f.challenge for f in fps]
    ring.export("one", tmp_path / "set.age", passphrase="between")
    with ifrs.Keyring.create(tmp_path / "o.ifrs", passphrase="x", _work_factor=FAST) as other:
        theirs = other.import_set(tmp_path / "set.age", passphrase="between")
        assert [f.response for f in theirs] == [f.response for f in fps]
    assert len({*fps.look_alikes(5, 1), *(f.challenge for f in fps)}) == 8


def test_a_tokenizer_that_cannot_express_texts_is_told(ring, tokenizer):
    ring.generate("one", 2, tokenizer=tokenizer, **PAIRS)

    class Small:
        """English alone."""

        unk_token_id = 0

        def __call__(self, text, **_):
            if isinstance(text, list):
                return {"input_ids": [self(one)["input_ids"] for one in text]}
            return {"input_ids": [ord(c) if c.isascii() else 0 for c in text]}

        def batch_decode(self, rows, **_):
            return ["".join(map(chr, ids)) for ids in rows]

    ring.generate("two", 2, tokenizer=Small(), **PAIRS)
    with pytest.raises(ifrs.FingerprintError, match="texts='natural'"):
        ring.generate("three", 2, tokenizer=Small(), texts="mixed", **PAIRS)
    assert "three" not in ring


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"shape": (24, 20)}, ValueError, "shape=\\(height, width, channels\\)"),
        ({"shape": (7, 20, 3)}, ValueError, "8 to 1,024"),
        ({"texts": "vocab"}, ValueError, "natural, mixed"),
        ({"texts": "poems"}, ValueError, "natural, mixed"),
        ({"classes": 5}, TypeError, "take no 'classes'"),
        ({"response": "poems"}, ValueError, "use 'classes'"),
        ({"response": "shared"}, ValueError, "unique responses"),
    ],
)
def test_what_cannot_be_is_refused(ring, options, error, says):
    with pytest.raises(error, match=says):
        ring.generate("one", 3, **{**PAIRS, **options})
    assert "one" not in ring
