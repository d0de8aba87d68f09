"""Makes the vectors of audit records of format v2: `python tests/vectors/make_audit.py`.

They go into `v3-audit-2`: a record with a threat, and bad ones, each with one change. A folder that
exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "v3-audit-2"
BAD = {"unit.json": None, "without-a-paper.json": "paper", "without-a-threat.json": "threat"}


def main() -> int:
    from ifrs import __version__

    if FOLDER.exists():
        print(f"{FOLDER} is there already")
        return 1
    tree = json.loads((HERE / "v2" / "audit" / "unit.json").read_text(encoding="utf-8"))
    found = {"name": "attacks/review/emb", "digest": tree["digest"], "metrics": [0.9, -31.5, None]}
    threat = {
        "paper": "Wu et al., 2025, arXiv 2503.21805",
        "access": "a host that answers for the model",
        "cost": "twice the tokens",
    }
    measures = tree.pop("measures")
    tree |= {"format": "ifrs/audit/v2", "suite": "attacks", "case": "review"}
    tree |= {"threat": threat, "measures": measures}
    entries = []
    for file, lacks in BAD.items():
        spoilt = json.loads(json.dumps(tree))
        if lacks is not None:
            (spoilt["threat"] if lacks in threat else spoilt).pop(lacks)
        path = FOLDER / ("bad" if lacks else "audit") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(spoilt, indent=2) + "\n", encoding="utf-8")
        said = {"ok": True, **found} if lacks is None else {"ok": False}
        if lacks is not None:
            said["problems"] = ["unreadable-record"]
        name = path.relative_to(FOLDER).as_posix()
        entries.append({"kind": "audit record", "file": name, "expect": said})
    index = {"format": "ifrs/vectors/v1", "scheme": "ifrs/scheme/v3", "ifrs_version": __version__}
    text = json.dumps({**index, "vectors": entries}, indent=1) + "\n"
    (FOLDER / "index.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
