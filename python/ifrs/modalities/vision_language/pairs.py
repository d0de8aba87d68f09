"""From a pair of an image and a text to what a model takes, by its user's own processor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ifrs.modalities.image.inputs import pillow

# An image, or None where a text stands alone, and what is asked.
Pair = tuple[Any, str]

# What is asked of a user's images that come without a text.
_DESCRIBE = "Describe this image."
_IMAGES, _TEXTS = ("image", "images"), ("text", "question", "prompt", "instruction")


def tensors_of(pair: Pair, processor: Any) -> dict[str, Any]:
    """What a processor makes of a pair: tensors by name, for a batch of one.

    Args:
        pair: An image, or None for a text alone, and a text, or "" for an image alone.
        processor: With a chat template, which then stands around the pair; or anything with a
            `tokenizer` that is called as `processor(images=[image], text=[text],
            return_tensors="pt")`, without `images` where there is none.

    Raises:
        ValueError: It gave no `input_ids` for one text.
    """
    image, text = pair
    shown = None if image is None else colours(image)
    if getattr(processor, "chat_template", None):
        found = processor.apply_chat_template(
            [{"role": "user", "content": _content(shown, text)}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    elif shown is None:
        found = processor(text=[text], return_tensors="pt")
    else:
        # Most processors want to be told where the image stands.
        place = getattr(processor, "image_token", None) or ""
        found = processor(images=[shown], text=[f"{place}{text}"], return_tensors="pt")
    # PaliGemma's processor (seen with 5.23) gives labels, too, for which a model returns a loss.
    given = {name: value for name, value in dict(found).items() if name != "labels"}
    tensors = {name: value for name, value in given.items() if hasattr(value, "shape")}
    ids = tensors.get("input_ids")
    if ids is None or ids.ndim != 2 or len(ids) != 1 or not ids.shape[1]:
        raise ValueError(
            "the processor must give input_ids for one text, (1, tokens): load it with "
            "AutoProcessor"
        )
    return tensors


def _content(image: Any, text: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [] if image is None else [{"type": "image", "image": image}]
    return parts + ([{"type": "text", "text": text}] if text else [])


def colours(image: Any) -> Any:
    """An image or uint8 array (height, width[, channels]) as a PIL image in RGB."""
    return pillow(image).convert("RGB")


def pairs_of(given: Iterable[Any]) -> Iterator[Pair]:
    """A publisher's ordinary work, pair by pair.

    Args:
        given: Pairs (image, text); mappings with an `image` and a `text`, `question`, `prompt` or
            `instruction`; or images, of which a description is asked. Images are PIL's, or uint8
            arrays (height, width[, channels]).

    Raises:
        ValueError: Something is none of these.
    """
    for item in given:
        image, text = _parts(item)
        if not isinstance(text, str) or not _is_image(image):
            raise ValueError(
                f"ordinary work holds a {type(item).__name__} that is none of: a pair (image, "
                "text), a mapping with image and text, an image"
            )
        yield colours(image), text


def _parts(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        image = next((item[name] for name in _IMAGES if name in item), None)
        return image, next((item[name] for name in _TEXTS if name in item), _DESCRIBE)
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    return item, _DESCRIBE


def _is_image(given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return given.dtype == np.uint8 and (
            given.ndim == 2 or (given.ndim == 3 and given.shape[2] in (1, 3, 4))
        )
    return hasattr(given, "getbands")
