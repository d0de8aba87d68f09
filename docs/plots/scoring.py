"""Draws docs/plots/scoring.svg from the figures of benches/test_scoring.py.

IFRS_BENCH_OUT=figures.json pytest benches/test_scoring.py --benchmark-only -s
python docs/plots/scoring.py figures.json docs/plots/scoring.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

plt.rcParams.update({"svg.hashsalt": "ifrs", "svg.fonttype": "none", "font.size": 9})

# The same colour in each panel; a peer takes one of the others.
COLOURS = {"ours, list of str": "C0", "ours, Arrow": "C1"}
PANELS = ("partial, cutoff 0.8", "partial, dense", "ratio", "exact")


def main(source: Path, target: Path) -> None:
    """One panel a method: texts a second of each tool, by the pattern's length, on one thread."""
    figures = json.loads(source.read_text(encoding="utf-8"))
    chart, axes = plt.subplots(1, len(PANELS), figsize=(13, 3.6), sharey=True)
    for axis, title in zip(axes, PANELS, strict=True):
        cases = [
            case
            for case in figures
            if case["title"] == title
            and (case["kind"], case["length"], case["workers"]) == ("ascii", 200, 1)
        ]
        names = dict.fromkeys(name for case in cases for name in case["rates"])
        peers = [name for name in names if name not in COLOURS]
        colours = {**COLOURS, **{name: f"C{2 + place}" for place, name in enumerate(peers)}}
        for name in names:
            points = [(c["pattern"], c["rates"][name]) for c in cases if name in c["rates"]]
            ours = name.startswith("ours")
            width = 2.2 if ours else 1
            colour = colours[name]
            axis.plot(*zip(*points, strict=True), colour, marker="o", lw=width, label=name)
        axis.set(title=title, xlabel="characters of the pattern", yscale="log")
        axis.set_xticks([5, 20, 60])
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, frameon=False)
    axes[0].set_ylabel("texts of 200 characters a second")
    chart.tight_layout()
    chart.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
