"""Keys that are images: coarse fields of random colours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs import _core
from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import alphabet

_COLOUR, _GREY = "image/x-portable-pixmap", "image/x-portable-graymap"


class Keys(face.Keys):
    """Binary Netpbm files of a stated size, which any viewer opens.

    Low frequencies alone: resizing, a crop of a few per cent and JPEG leave a key what it is.
    """

    def __init__(
        self, *, shape: Sequence[int] = (), response: str = "unique", **counts: Any
    ) -> None:
        """Say how large images are and what is answered.

        Args:
            shape: Height, width and channels: 8 to 1,024 pixels a side, 1 or 3 channels.
            response: `"classes"`, with their number as `classes`; `"codebook"`.
            counts: What that needs.
        """
        self._shape, self._response, self._counts = shape, response, counts

    def derivation(self, template: str) -> dict[str, Any]:
        """Images of the stated shape.

        Raises:
            ValueError: There is no shape, or no number of classes.
        """
        if len(self._shape) != 3:
            raise ValueError("images need their size: pass shape=(height, width, channels)")
        modality = {
            "name": "image",
            "shape": [int(side) for side in self._shape],
            "alphabet": alphabet(self._response, **self._counts),
        }
        return {
            "source": "image", "template": "bare", "response": "unique", "modality": modality,
        }  # fmt: skip

    def decode(self, challenge: bytes) -> Any:
        """A `PIL.Image.Image`, RGB or L; without Pillow what `pixels` gives."""
        try:
            from PIL import Image
        except ImportError:
            return pixels(challenge)
        pixels(challenge)
        image = Image.open(io.BytesIO(challenge))
        image.load()
        return image


def pixels(challenge: bytes) -> NDArray[np.uint8]:
    """A key's raster, uint8 (height, width, channels).

    Raises:
        ValueError: It is no image of a key.
    """
    media = _GREY if challenge[:2] == b"P5" else _COLOUR
    dtype, shape, offset = _core.read_key(media, challenge)
    return np.frombuffer(challenge, dtype=dtype, offset=offset).reshape(shape)
