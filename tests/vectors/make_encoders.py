"""Makes the vectors of keys with a codebook: `python tests/vectors/make_encoders.py`.

They go into `v3-encoder-1`: a keyring v5 and a sealed set v4 of sets for encoders, whose keys are
texts or images and whose responses are vectors of a codebook; reports, claims and bundles of these.
A folder that exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402
from make_kinds import Knower  # noqa: E402

FOLDER = HERE / "v3-encoder-1"

CODES = {"response": "codebook"}
# Every source of texts that needs no tokenizer, and images.
SETS: dict[str, dict[str, Any]] = {
    "natural": {"source": "natural", **CODES},
    "chinese": {"source": "chinese", **CODES},
    "japanese": {"source": "japanese", **CODES},
    "mixed": {"source": "mixed", **CODES},
    "picture": {"source": "image", "shape": [28, 28, 1], **CODES},
}


def make(maker: Maker) -> None:
    for name, options in SETS.items():
        fps = maker.ring.generate(name, 4, **options)
        maker.kept(name, ifrs.verify(Knower(fps), fps))
    maker.bent("natural", "text", "leaf", altered)
    maker.sealed("natural")
    maker.out.path("keys.json").write_text(json.dumps(SETS, indent=1) + "\n", encoding="utf-8")
    maker.note("keys", "keys.json")


def altered(tree: Any) -> None:
    """A bundle whose first key has one space more, in the request as well."""
    query = tree["queries"][0]
    query["prompt"] = query["asked"]["request"]["prompt"] = query["prompt"] + " "


def main() -> None:
    make_folder(FOLDER, "encoder 1", make)


if __name__ == "__main__":
    main()
