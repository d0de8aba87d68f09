"""Keys that are pairs of an image and a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ifrs import _core
from ifrs.errors import FingerprintError
from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import WORDS, alphabet
from ifrs.modalities.image.keys import Keys as Images
from ifrs.modalities.text.keys import key_check

# Where texts come from; a tokenizer's vocabulary is not kept with such a set.
_TEXTS = ("natural", "mixed", "chinese", "japanese")
# Texts of a source that a tokenizer is tried on.
_TRIED = 64


class Keys(face.Keys):
    """A coarse field of random colours, and what is asked of it."""

    def __init__(
        self,
        *,
        shape: Sequence[int] = (),
        texts: str = "natural",
        tokenizer: Any = None,
        response: str = "unique",
        **counts: Any,
    ) -> None:
        """Say how large images are, what texts are, and what is answered.

        Args:
            shape: Height, width and channels: 8 to 1,024 pixels a side, 1 or 3 channels.
            texts: `"natural"` for plausible questions, `"mixed"`, `"chinese"` or `"japanese"`.
            tokenizer: The model's, or a processor that has one: texts must survive it.
            response: `"unique"` for two secret words, which a model writes; `"classes"`, with
                their number as `classes`; `"codebook"`.
            counts: What that needs.
        """
        self._shape, self._texts = shape, texts
        self._tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
        self._response, self._counts = response, counts

    def derivation(self, template: str) -> dict[str, Any]:
        """Pairs of the stated shape and source of texts.

        Raises:
            FingerprintError: The tokenizer cannot express such texts.
            TypeError: Something is given that the response does not take.
            ValueError: There is no shape, or no such source or response.
        """
        if len(self._shape) != 3:
            raise ValueError("images need their size: pass shape=(height, width, channels)")
        if self._texts not in _TEXTS:
            raise ValueError(f"texts of pairs are {', '.join(_TEXTS)}, not {self._texts!r}")
        self._try_tokenizer()
        modality = {
            "name": "vision_language",
            "shape": [int(side) for side in self._shape],
            "texts": self._texts,
            "alphabet": self._alphabet(),
        }
        found = {"source": "image+text", "template": "bare", "modality": modality}
        # What the core draws from an alphabet is unique, whatever users call it; as for words, it
        # hears what was asked for.
        return found if self._response == "unique" else {**found, "response": "unique"}

    def _try_tokenizer(self) -> None:
        if self._tokenizer is None:
            return
        survive = key_check(self._tokenizer)(_core.look_alikes(self._texts, _TRIED, 0))
        if not all(survive):
            raise FingerprintError(
                f"this tokenizer cannot express texts of source {self._texts!r}: use "
                "texts='natural', or another source"
            )

    def _alphabet(self) -> tuple[str, list[int]]:
        if self._response != "unique":
            return alphabet(self._response, **self._counts)
        if self._counts:
            raise TypeError(f"two words take no {min(self._counts)!r}: did you mean response=…?")
        return WORDS

    def decode(self, challenge: bytes) -> tuple[Any, str]:
        """A `PIL.Image.Image`, RGB or L (without Pillow its pixels), and the text."""
        image, text = _core.read_pair(challenge)
        return Images().decode(image), text
