"""What a publisher's ordinary work may be."""

from __future__ import annotations

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from ifrs.modalities.vision_language.pairs import pairs_of  # noqa: E402

PHOTO = Image.new("L", (9, 8), 7)
PIXELS = np.zeros((8, 9, 3), np.uint8)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((PHOTO, "Why?"), "Why?"),
        ([PIXELS, "Why?"], "Why?"),
        ({"image": PHOTO, "question": "Why?", "answer": "So."}, "Why?"),
        ({"images": PIXELS, "text": "Why?"}, "Why?"),
        (PHOTO, "Describe this image."),
        (PIXELS[..., :1], "Describe this image."),
        ({"image": PHOTO}, "Describe this image."),
    ],
)
def test_pairs_in_any_of_these_forms(given, text):
    [(image, asked)] = pairs_of([given])
    assert (image.mode, image.size, asked) == ("RGB", (9, 8), text)


@pytest.mark.parametrize(
    "given",
    [
        "Why?",
        ("Why?", PHOTO),
        (PHOTO, 3),
        {"text": "Why?"},
        PIXELS.astype(np.float32),
        PIXELS[0, 0],
    ],
)
def test_what_is_no_pair(given):
    with pytest.raises(ValueError, match="none of: a pair"):
        list(pairs_of([given]))
