"""Keys that are sounds: rows of chords of steady tones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs import _core
from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import WORDS, alphabet

_MEDIA = "audio/wav"


class Keys(face.Keys):
    """WAV files of 16-bit samples, which any player opens."""

    def __init__(
        self,
        *,
        rate: int = 16_000,
        seconds: float = 2.0,
        response: str = "unique",
        **counts: Any,
    ) -> None:
        """Say how long sounds are and what is answered.

        Args:
            rate: Samples a second, 8,000 to 48,000.
            seconds: How long, 0.5 to 10.
            response: `"unique"` for two secret words, which a model writes; `"classes"`, with
                their number as `classes`; `"codebook"`.
            counts: What that needs.
        """
        self._rate, self._seconds = rate, seconds
        self._response, self._counts = response, counts

    def derivation(self, template: str) -> dict[str, Any]:
        """Sounds of the stated length.

        Raises:
            TypeError: The rate is no int, or something is given that the response does not take.
            ValueError: The length or the rate is out of range, or there is no such response.
        """
        if isinstance(self._rate, bool) or not isinstance(self._rate, int):
            raise TypeError("rate must be an int: samples a second")
        if not 0.5 <= self._seconds <= 10 or not 8_000 <= self._rate <= 48_000:
            raise ValueError(
                "a sound is 0.5 to 10 seconds long, at 8,000 to 48,000 samples a second"
            )
        modality = {
            "name": "speech",
            "shape": [round(self._rate * self._seconds)],
            "rate": self._rate,
            "alphabet": self._alphabet(),
        }
        found = {"source": "sound", "template": "bare", "modality": modality}
        # What the core draws from an alphabet is unique, whatever users call it; as for words, it
        # hears what was asked for.
        return found if self._response == "unique" else {**found, "response": "unique"}

    def _alphabet(self) -> tuple[str, list[int]]:
        if self._response != "unique":
            return alphabet(self._response, **self._counts)
        if self._counts:
            raise TypeError(f"two words take no {min(self._counts)!r}: did you mean response=…?")
        return WORDS

    def decode(self, challenge: bytes) -> tuple[int, NDArray[np.int16]]:
        """Samples a second, and samples, int16 (samples,)."""
        dtype, _, offset = _core.read_key(_MEDIA, challenge)
        rate = int.from_bytes(challenge[24:28], "little")
        return rate, np.frombuffer(challenge, dtype=dtype, offset=offset)
