"""Keys of 256 flags, and responses of some classes."""

from __future__ import annotations

import numpy as np
from ifrs.modalities import keys as face

NAME, BYTES = "flags", 32


class Keys(face.Keys):
    """Uniform bytes, each bit a flag."""

    def __init__(self, tokenizer=None, model=None, *, classes=10):
        self.classes = classes

    def derivation(self, template):
        return {
            "source": "bytes",
            "template": "bare",
            "modality": {
                "name": NAME,
                "media": "application/x-flags",
                "length": BYTES,
                "alphabet": ("classes", [self.classes]),
            },
        }

    def decode(self, challenge):
        """Flags as -1 and 1, float32 (256,)."""
        bits = np.unpackbits(np.frombuffer(challenge, dtype=np.uint8))
        return bits.astype(np.float32) * 2 - 1
