"""Check what `make wheel` built: its tag, its size, and that it holds what it needs and no more.

python tools/check_wheel.py dist
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 8_000_000
NEEDED = (
    "ifrs/_core.abi3.so",
    "ifrs/_core.pyi",
    "ifrs/py.typed",
    "ifrs/cli/__init__.py",
    "ifrs/modalities/text/instructions.jsonl",
    "ifrs/pages/templates/verification.css",
    "licenses/LICENSE",
    "licenses/NOTICE",
    "licenses/THIRD-PARTY.md",
)


def problems(wheel: Path) -> Iterator[str]:
    """What is wrong with a wheel."""
    if "-cp310-abi3-" not in wheel.name:
        yield "it is not for every Python from 3.10 on (cp310-abi3)"
    if sys.platform == "linux" and "manylinux_2_17" not in wheel.name:
        yield "it is not for every Linux (manylinux_2_17)"
    if wheel.stat().st_size > MOST_BYTES:
        yield f"it has {wheel.stat().st_size:,} bytes, more than {MOST_BYTES:,}"
    names = zipfile.ZipFile(wheel).namelist()
    for needed in NEEDED:
        if not any(name.endswith(needed) for name in names):
            yield f"it lacks {needed}"
    for name in names:
        if name.endswith((".pyc", ".rs")) or name.startswith(("tests/", "docs/")):
            yield f"it holds {name}"


def show(wheel: Path) -> Iterator[str]:
    """What auditwheel says of a Linux wheel, where auditwheel is there."""
    if sys.platform != "linux":
        return
    import subprocess

    done = subprocess.run(["auditwheel", "show", wheel], capture_output=True, text=True, check=True)
    yield " ".join(done.stdout.split())


def main() -> int:
    """Check every wheel of a folder; returns 1 where one is bad, or there is none."""
    wheels = sorted(Path(sys.argv[1]).glob("ifrs-*.whl"))
    found = [f"{wheel.name}: {problem}" for wheel in wheels for problem in problems(wheel)]
    for wheel in wheels:
        print(f"{wheel}: {wheel.stat().st_size:,} bytes")
        for line in show(wheel):
            print(line)
    for line in found or ([] if wheels else ["there is no wheel"]):
        print(f"check_wheel: {line}", file=sys.stderr)
    return bool(found) or not wheels


if __name__ == "__main__":
    sys.exit(main())
