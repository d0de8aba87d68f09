"""Keys of encoders: sentences, or images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import alphabet
from ifrs.modalities.image import keys as images

# How a binary Netpbm file begins; no source of texts writes a digit in second place.
_NETPBM = (b"P5\n", b"P6\n")


class Keys(face.Keys):
    """Texts of any source that needs no tokenizer, or images of a stated size."""

    def __init__(
        self, *, shape: Sequence[int] = (), response: str = "codebook", **counts: Any
    ) -> None:
        """Say what is answered, and of images how large they are.

        Args:
            shape: Of images: height, width and channels, as of image classifiers.
            response: `"codebook"`.
            counts: None.
        """
        self._shape, self._response, self._counts = shape, response, counts

    def derivation(self, template: str) -> dict[str, Any]:
        """Texts as they are, or images of the stated shape; the source is the user's.

        Raises:
            ValueError: The response is of another kind.
            TypeError: There is an option that such keys do not take.
        """
        if self._response != "codebook":
            raise ValueError(f"encoders answer by a codebook, not by {self._response!r}")
        modality: dict[str, Any] = {
            "name": "encoder",
            "alphabet": alphabet(self._response, **self._counts),
        }
        if len(self._shape):
            modality["shape"] = [int(side) for side in self._shape]
        return {"template": "bare", "response": "unique", "modality": modality}

    def decode(self, challenge: bytes) -> Any:
        """A text, or an image as of image classifiers."""
        if challenge.startswith(_NETPBM):
            return images.Keys().decode(challenge)
        return challenge.decode()
