"""Makes the vectors of licences: `python tests/vectors/make_licences.py`.

They go into `v3-licences-1`: a keyring with copies, sealed variants of rows that nobody trained, a
patch, a trace, and what follows from the set. A folder that exists is never written to. Like
`make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
from ifrs.licences import stamp, trace  # noqa: E402
from licences.planted import Reader, base_folder, make_master, readings_of  # noqa: E402
from make import PASSPHRASE, empty_ring  # noqa: E402

FOLDER = HERE / "v3-licences-1"
NAMES = ("ACME GmbH", "Café", "株式会社")


def make(ring: ifrs.Keyring, scratch: Path) -> None:
    facts = {"passphrase": PASSPHRASE}
    for name, coalition in (("fair", 2), ("biased", 3), ("three", 5)):
        fps = ring.generate(name, 40, source="chinese", template="simple")
        ring.open_licences(name, coalition)
        facts[name] = facts_of(fps, coalition)
    fps, base = ring["fair"], base_folder(scratch / "base")
    master = make_master(ring, fps, base)
    master.model = "base"
    given = {"ring": ring, "licences": master, "model": base}
    for who in NAMES:
        stamp(fps, who, scratch / who, **given)
    stamp(fps, NAMES[0], FOLDER / "patch.safetensors", **given)
    trace(Reader(fps, readings_of(fps, NAMES[1])), fps).save(FOLDER / "trace.json")
    facts["digests"] = [row["digest"] for row in ring.licences("fair")]
    master.save(FOLDER / "variants.licences", ring)
    ring.close()
    (FOLDER / "publisher.ifrs").write_bytes(ring.path.read_bytes())
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    (FOLDER / "facts.json").write_text(text + "\n", encoding="utf-8")


def facts_of(fps: ifrs.FingerprintSet, coalition: int) -> dict[str, object]:
    words = fps.codewords(coalition, list(NAMES)).astype(int)
    second = fps.second()
    return {
        "coalition": coalition,
        "biases": " ".join(map(str, fps.biases(coalition))),
        "codewords": {who: "".join(map(str, row)) for who, row in zip(NAMES, words, strict=True)},
        "second": [second[i].response for i in range(3)],
    }


def main() -> None:
    if FOLDER.exists():
        print(f"{FOLDER} is there already and stays as it is")
        return
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = str(Path(folder) / "state")
        make(empty_ring(Path(folder) / "publisher.ifrs", "licences 1"), Path(folder))
        print(f"{FOLDER} is made")


if __name__ == "__main__":
    main()
