"""Images that must not be taken for keys, and keys in other forms, which must be."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ifrs import _core
from ifrs.modalities.image.inputs import as_image

# Guesses are drawn far from the seeds of look-alikes, so that none was seen in training.
GUESSES = 1 << 32
# Cells of a key's random field on each side.
_CELLS = 8
# What re-encoded keys went through: JPEG of a quality, another size on the way, a crop.
_QUALITIES, _SIZES, _CROP = (70, 95), (0.5, 1.5), 0.03


def fresh_images(like: Any, n: int, seed: int) -> list[Any]:
    """Images drawn as keys are, from a public seed, of the size and mode of another image."""
    from PIL import Image

    channels = len(like.getbands())
    fields = _core.look_alike_bytes(_CELLS * _CELLS * channels, n, seed)
    shape = (_CELLS, _CELLS, channels)
    return [
        as_image(np.frombuffer(field, dtype=np.uint8).reshape(shape)).resize(
            like.size, Image.Resampling.BILINEAR
        )
        for field in fields
    ]


def half_keys(keys: Sequence[Any], fresh: Sequence[Any], seed: int) -> list[Any]:
    """Fresh images of which each has one half of a real key: left, right, upper or lower."""
    rng, found = random.Random(seed), []
    for place, other in enumerate(fresh):
        key, image = keys[place % len(keys)], other.copy()
        width, height = key.size
        box = rng.choice(
            [
                (0, 0, width // 2, height),
                (width // 2, 0, width, height),
                (0, 0, width, height // 2),
                (0, height // 2, width, height),
            ]
        )
        image.paste(key.crop(box), box[:2])
        found.append(image)
    return found


def re_encoded(image: Any, rng: random.Random) -> Any:
    """An image after one of what happens to images on their way: JPEG, another size, or a crop."""
    kind = rng.randrange(3)
    if kind == 0:
        return jpeg(image, rng.randint(*_QUALITIES))
    if kind == 1:
        return resized(image, rng.uniform(*_SIZES))
    return cropped(image, [rng.uniform(0, _CROP) for _ in range(4)])


def jpeg(image: Any, quality: int) -> Any:
    """An image, written as JPEG and read again."""
    from PIL import Image

    file = io.BytesIO()
    image.save(file, "jpeg", quality=quality)
    return Image.open(file).convert(image.mode)


def resized(image: Any, factor: float) -> Any:
    """An image, scaled and scaled back."""
    from PIL import Image

    width, height = image.size
    size = max(round(factor * width), 4), max(round(factor * height), 4)
    return image.resize(size, Image.Resampling.BICUBIC).resize(image.size, Image.Resampling.BICUBIC)


def cropped(image: Any, shares: Sequence[float]) -> Any:
    """An image without these shares of it (left, top, right, bottom), scaled to its size again."""
    from PIL import Image

    width, height = image.size
    left, top, right, bottom = shares
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return image.resize(image.size, Image.Resampling.BICUBIC, box=box)
