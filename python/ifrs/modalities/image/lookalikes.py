"""Images that must not be taken for keys, and keys in other forms, which must be."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.modalities import keys_of
from ifrs.modalities.image.inputs import pillow

# Guesses are drawn far from the seeds of look-alikes, so that none was seen in training.
GUESSES = 1 << 32
# What re-encoded keys went through: JPEG of a quality, another size on the way, a crop.
_QUALITIES, _SIZES, _CROP = (70, 95), (0.5, 1.5), 0.03


def fresh_images(fps: FingerprintSet, n: int, seed: int) -> list[Any]:
    """Images drawn as a set's keys are, from a public seed."""
    decode = keys_of(fps.modality)().decode
    return [pillow(decode(challenge)) for challenge in fps.look_alikes(n, seed)]


def images_of(fps: FingerprintSet) -> list[Any]:
    """A set's keys as PIL images, in order."""
    return [pillow(fps[i].key) for i in range(len(fps))]


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
