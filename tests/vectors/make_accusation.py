"""Makes the vectors of accusations: `python tests/vectors/make_accusation.py`.

They go into `v3-accusation-1`: a keyring with copies, its roll, traces of format v2 of a model
that answers in text and of one whose weights are read, and an accusation of each. What exists is
never written to. Like `make.py`, nothing runs this but a person.
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
from ifrs.licences import accuse, trace  # noqa: E402
from licences.planted import Reader, Writer, readings_of  # noqa: E402
from make import PASSPHRASE, empty_ring  # noqa: E402

FOLDER = HERE / "v3-accusation-1"
NAMES = ("ACME GmbH", "Café", "株式会社")


def make(ring: ifrs.Keyring) -> None:
    fps = ring.generate("three", 56, source="chinese", template="simple")
    ring.open_licences("three", 3)
    for name in NAMES:
        ring.license("three", name, "folder", "0011223344556677")
    roll = ring.roll("three", model="base")
    roll.save(FOLDER / "roll.json")
    facts = {"passphrase": PASSPHRASE, "roll": roll.digest}
    for name, suspect, reveal in (
        ("text", Writer(fps, readings_of(fps, NAMES[1], 3)), None),
        ("weights", Reader(fps, readings_of(fps, NAMES[2], 3)), None),
        ("blocks", Reader(fps, readings_of(fps, NAMES[2], 3)), 20),
    ):
        found = trace(suspect, fps)
        found.save(FOLDER / f"trace-{name}.json")
        made = accuse(found, fps, roll, reveal=reveal)
        made.save(FOLDER / f"accusation-{name}.json")
        facts[name] = {"licensee": made.licensee, **made.result}
    ring.close()
    (FOLDER / "publisher.ifrs").write_bytes(ring.path.read_bytes())
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    (FOLDER / "facts.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    if FOLDER.exists():
        print(f"{FOLDER} is there already and stays as it is")
        return
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = str(Path(folder) / "state")
        make(empty_ring(Path(folder) / "publisher.ifrs", "accusation 1"))
        print(f"{FOLDER} is made")


if __name__ == "__main__":
    main()
