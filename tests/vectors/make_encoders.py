"""Makes the vectors of keys with a codebook: `python tests/vectors/make_encoders.py`.

They go into `v3-encoder-1`: a keyring v5 and a sealed set v4 of sets for encoders, whose keys are
texts or images and whose responses are vectors of a codebook; reports, claims and bundles of these.
A folder that exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
from make import PASSPHRASE, Vectors, empty_ring  # noqa: E402
from make_formats import Maker  # noqa: E402
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
    recipient = (HERE / "v3/identities/officer.txt").read_text(encoding="utf-8")
    public = next(line.split()[-1] for line in recipient.splitlines() if "public key" in line)
    maker.out.path("identities/officer.txt").write_text(recipient, encoding="utf-8")
    maker.ring.export("natural", maker.out.path("sets/natural.age"), recipients=[public])
    maker.note("sealed set", "sets/natural.age", open={"identity": "identities/officer.txt"})
    maker.ring.close()
    place = maker.out.path("keyrings/publisher.ifrs")
    place.write_bytes(maker.ring.path.read_bytes())
    maker.note("keyring", "keyrings/publisher.ifrs", open={"passphrase": PASSPHRASE})
    maker.out.path("keys.json").write_text(json.dumps(SETS, indent=1) + "\n", encoding="utf-8")
    maker.note("keys", "keys.json")


def altered(tree: Any) -> None:
    """A bundle whose first key has one space more, in the request as well."""
    query = tree["queries"][0]
    query["prompt"] = query["asked"]["request"]["prompt"] = query["prompt"] + " "


def main() -> None:
    if FOLDER.exists():
        print(f"{FOLDER} is there already and stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = str(Path(folder) / "state")
        vectors = Vectors(FOLDER)
        make(Maker(vectors, empty_ring(Path(folder) / "publisher.ifrs", "encoder 1")))
        vectors.write_index("ifrs/scheme/v3")
        print(f"{FOLDER}: {len(vectors.entries)} vectors")


if __name__ == "__main__":
    main()
