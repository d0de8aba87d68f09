"""From an image to what a classifier takes, by its user's own preprocessing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import TargetError

Pixels = NDArray[np.float32]

# Images in a pass.
_AT_ONCE = 64


def input_of(image: Any, processor: Any) -> Pixels:
    """An image as the model will see it, float32 (channels, height, width).

    Args:
        image: A `PIL.Image.Image`, or an array as Pillow takes it: uint8 (height, width) or
            (height, width, channels).
        processor: A callable from a PIL image to an array or tensor (C, H, W) or (1, C, H, W), an
            image processor of transformers, or None for values in [0, 1] as they are.

    Raises:
        ValueError: The processor gave something else.
    """
    if processor is None:
        return plain(image)
    if hasattr(processor, "model_input_names"):  # transformers' own, which take images by name
        given = processor(images=image, return_tensors="np")["pixel_values"]
    else:
        given = processor(image)
    if hasattr(given, "detach"):
        given = given.detach().cpu().float().numpy()
    found = np.asarray(given, dtype=np.float32)
    if found.ndim == 4 and len(found) == 1:
        found = found[0]
    if found.ndim != 3:
        raise ValueError(
            f"the processor gave an array of shape {found.shape}: it must give (channels, height, "
            "width) for one image"
        )
    if not np.isfinite(found).all():
        raise ValueError("the processor gave values that are no numbers (NaN or infinite)")
    return found


def plain(image: Any) -> Pixels:
    """An image's values in [0, 1], float32 (channels, height, width)."""
    pixels = np.asarray(image, dtype=np.float32) / 255
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def samples(given: Iterable[Any], processor: Any) -> Iterator[tuple[Pixels, int | None]]:
    """A publisher's data as inputs, each with its label where there is one.

    Args:
        given: Inputs as the model takes them (float, (C, H, W), or batches of them); images (PIL's,
            or uint8 arrays), which go through the processor; or pairs of one of these and labels.
        processor: As `input_of` takes it.

    Raises:
        ValueError: Something is none of these.
    """
    for item in given:
        inputs, labels = item if _is_pair(item) else (item, None)
        if hasattr(inputs, "detach"):
            inputs = inputs.detach().cpu().numpy()
        if isinstance(inputs, np.ndarray) and inputs.ndim == 4:
            rows = [None] * len(inputs) if labels is None else labels
            pairs = zip(inputs, rows, strict=True)
        else:
            pairs = zip([inputs], [labels], strict=True)
        for one, label in pairs:
            yield _input(one, processor), None if label is None else int(label)


def _is_pair(item: Any) -> bool:
    return isinstance(item, Sequence) and not isinstance(item, (str, bytes)) and len(item) == 2


def _input(given: Any, processor: Any) -> Pixels:
    if not isinstance(given, np.ndarray):
        if not hasattr(given, "getbands"):
            raise ValueError(
                f"ordinary inputs hold a {type(given).__name__}: pass tensors, arrays, or images"
            )
        return input_of(given, processor)
    if np.issubdtype(given.dtype, np.floating) and given.ndim == 3:
        return given.astype(np.float32, copy=False)
    if given.dtype == np.uint8 and (given.ndim == 2 or given.shape[-1] in (1, 3, 4)):
        return input_of(pillow(given), processor)
    raise ValueError(
        f"ordinary inputs hold an array of {given.dtype} and shape {given.shape}: pass float "
        "(channels, height, width) as the model takes it, or an image as uint8 (height, width, "
        "channels)"
    )


def pillow(image: Any) -> Any:
    """An image or uint8 array (height, width[, channels]) as a PIL image.

    Raises:
        ValueError: Pillow is not installed.
    """
    if hasattr(image, "getbands"):
        return image
    try:
        from PIL import Image
    except ImportError as error:
        raise ValueError("images need Pillow: pip install 'ifrs[vision]'") from error
    return Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image)


def batches(keys: Sequence[Any], processor: Any, size: int = _AT_ONCE) -> Iterator[Pixels]:
    """Images as inputs, float32 (images, channels, height, width), so many at a time.

    Raises:
        TargetError: The processor gave something else.
    """
    for start in range(0, len(keys), size):
        try:
            yield np.stack([input_of(key, processor) for key in keys[start : start + size]])
        except ValueError as error:
            raise TargetError(str(error)) from error
