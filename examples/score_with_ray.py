"""Score more generations than one machine holds: the same function on every batch of Ray Data.

    python examples/score_with_ray.py                                   # made-up rows, this machine
    python examples/score_with_ray.py --read 's3://logs/*.parquet' --patterns responses.txt

Ray reads the files in blocks, hands each block to a free core as an Arrow table, and writes what
comes back; ifrs scores the block's column where it lies. On a cluster, `ray.init` finds it by
itself (`RAY_ADDRESS`); every node needs `pip install ifrs`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import ray
from ifrs.scoring import score_batches
from ray.data import DataContext
from ray.data.expressions import col

DEMO = ["brisk lantern", "velvet quarry"]


def made_up(rows: int) -> ray.data.Dataset:
    """Texts of which every hundredth holds a pattern, with one letter lost."""

    def write(batch: dict) -> dict:
        batch["text"] = [
            f"row {i} says brisk lantrn" if i % 100 == 7 else f"row {i} says nothing much"
            for i in batch["id"]
        ]
        return batch

    return ray.data.range(rows, override_num_blocks=4).map_batches(write)


def main() -> None:
    """Score, and print how many rows match."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--read", help="Parquet files with a column of texts")
    parser.add_argument("--column", default="text")
    parser.add_argument("--patterns", type=Path, help="one pattern a line")
    parser.add_argument("--cutoff", type=float, default=0.8)
    parser.add_argument("--rows", type=int, default=100_000, help="made-up rows without --read")
    parser.add_argument("--out", default=tempfile.mkdtemp(), help="folder for scored Parquet files")
    options = parser.parse_args()

    patterns = options.patterns.read_text("utf-8").splitlines() if options.patterns else DEMO
    if not {"RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} & os.environ.keys():
        # A cluster of this process, gone with it: nobody has handed out a token.
        os.environ["RAY_AUTH_MODE"] = "disabled"
    DataContext.get_current().enable_progress_bars = False
    ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    rows = ray.data.read_parquet(options.read) if options.read else made_up(options.rows)
    score = score_batches(patterns, column=options.column, cutoff=options.cutoff)
    rows.map_batches(score, batch_format="pyarrow").write_parquet(options.out)

    scored = ray.data.read_parquet(options.out)
    matching = scored.filter(expr=col("score") > 0).count()
    print(f"{matching:,} of {scored.count():,} rows match; see {options.out}")


if __name__ == "__main__":
    main()
