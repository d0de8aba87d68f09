"""Wall time of `import ifrs` in fresh processes, beside that of `import numpy` alone."""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    pairs = [(seconds("ifrs"), seconds("numpy")) for _ in range(21)]
    for name, column in zip(("ifrs", "numpy"), zip(*pairs, strict=True), strict=True):
        print(f"import {name}: median {1000 * statistics.median(column):.0f} ms")


if __name__ == "__main__":
    main()
