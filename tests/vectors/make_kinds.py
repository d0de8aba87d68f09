"""Makes the vectors of keys that are files of a medium: `python tests/vectors/make_kinds.py`.

They go into `v3-kinds-1`: a keyring v5 and a sealed set v4 of sets of images, observations and
sounds, reports, claims and bundles of these, and digests of keys, which every machine has to come
to. A folder that exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
import numpy as np  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402

FOLDER = HERE / "v3-kinds-1"

CLASSES = {"response": "classes", "classes": 10}
ACTIONS = {"response": "actions", "actions": 2}
# Sets that the keyring holds: small, since their first keys are written down whole.
SETS: dict[str, dict[str, Any]] = {
    "colour": {"source": "image", "shape": [24, 20, 3], **CLASSES},
    "grey": {"source": "image", "shape": [28, 28, 1], "response": "codebook"},
    "agent": {
        "source": "observation", "low": [-4.8, -3, -0.418, -3], "high": [4.8, 3, 0.418, 3],
        "steps": 4, **ACTIONS,
    },
    "sound": {"source": "sound", "rate": 8000, "seconds": 0.5, **CLASSES},
}  # fmt: skip
# Looks of keys whose digests alone are written down.
LOOKS: dict[str, dict[str, Any]] = {
    **SETS,
    "smallest": {"source": "image", "shape": [8, 8, 1], **CLASSES},
    "photo": {"source": "image", "shape": [224, 224, 3], **CLASSES},
    "panorama": {"source": "image", "shape": [97, 1024, 3], **CLASSES},
    "largest": {"source": "image", "shape": [1024, 1024, 1], **CLASSES},
    "one-step": {"source": "observation", "low": -1, "high": 0.1, "shape": [4], **ACTIONS},
    "wide": {"source": "observation", "low": -3.4e38, "high": 3.4e38, "shape": [3, 5], **ACTIONS},
    "tiny": {"source": "observation", "low": 0, "high": 1e-40, "shape": [16], **ACTIONS},
    "long-sound": {"source": "sound", "rate": 16000, "seconds": 2.0, **CLASSES},
    "odd-sound": {"source": "sound", "rate": 44100, "seconds": 0.77, **CLASSES},
}


class Knower:
    """A suspect that knows some keys and gives scores."""

    def __init__(self, fps: ifrs.FingerprintSet) -> None:
        self.places, self.sizes = [f.places for f in fps], fps.alphabet.sizes

    def describe(self) -> dict[str, Any]:
        return {"kind": "local", "name": "knower"}

    def scores(self, keys: list[Any]) -> list[np.ndarray]:
        found = [np.zeros((len(keys), size), dtype=np.float32) for size in self.sizes]
        for row in range(len(keys)):
            for factor, place in enumerate(self.places[row]):
                found[factor][row, place] = 1
        return found


def make(maker: Maker) -> None:
    for name, options in SETS.items():
        fps = maker.ring.generate(name, 6, **options)
        maker.kept(name, ifrs.verify(Knower(fps), fps))
    # The same picture, and the same numbers, in other spellings.
    respell(maker, "colour", b"P6\n20 24\n255\n", b"P6\n20 24 255\n")
    respell(maker, "agent", b"'shape': (4, 4), }", b"'shape':  (4, 4),}")
    respell(maker, "sound", b"RIFF", b"RIFX")
    maker.sealed("colour")
    maker.out.path("keys.json").write_text(json.dumps(LOOKS, indent=1) + "\n", encoding="utf-8")
    maker.note("keys", "keys.json")


def respell(maker: Maker, name: str, old: bytes, new: bytes) -> None:
    """A bundle whose first key is spelt otherwise."""

    def change(tree: Any) -> None:
        key = base64.b64decode(tree["queries"][0]["prompt"])
        assert old in key
        spelt = base64.b64encode(key.replace(old, new, 1)).decode()
        tree["queries"][0]["prompt"] = tree["queries"][0]["asked"]["request"]["prompt"] = spelt

    maker.bent(name, "spelling", "medium", change)


def main() -> None:
    make_folder(FOLDER, "kinds 1", make)


if __name__ == "__main__":
    main()
