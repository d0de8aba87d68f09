"""How easily the guide reads: Flesch's reading ease, and the median sentence.

    uv run --no-project --with textstat==0.7.4 --with 'setuptools<81' python tools/reading.py

Measured are README, tutorials and how-tos: their prose, without code, tables, headings and
addresses. Flesch (1948): 206.8 less 1.015 times words a sentence and 84.6 times syllables a word;
60 is plain English. textstat counts syllables, and is needed for nothing else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
LEAST_EASE, LONGEST_MEDIAN = 55, 16

# What is not prose: fences with what they hold, comments, tables, headings, pictures.
_BLOCKS = re.compile(
    r"^(`{3,}|~{3,}).*?^\1|<!--.*?-->|^\|.*?$|^#.*?$|^!\[.*?$|^\(\S+\)=$", re.M | re.S
)
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.|:|>)\s+", re.M)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`[^`]+`")
_NUMBER = re.compile(r"[−-]?\d[\d.,:]*")
_ENDS = re.compile(r"(?<=[.!?])[\"'”’)*]*\s+")


def pages() -> list[Path]:
    """README, tutorials and how-tos."""
    docs = ROOT / "docs"
    parts = [sorted(docs.glob(f"{part}/**/*.md")) for part in ("tutorial", "how-to")]
    return [ROOT / "README.md", *parts[0], *parts[1]]


def sentences(markdown: str) -> list[str]:
    """The sentences of a page's prose; an item of a list ends one."""
    text = _BLOCKS.sub("\n", markdown)
    text = _ITEM.sub("\n", text)
    text = _CODE.sub("code", _LINK.sub(r"\1", text)).replace("**", "").replace("*", "")
    text = _NUMBER.sub("9", text)
    found = (
        " ".join(sentence.split())
        for paragraph in re.split(r"\n\s*\n", text)
        for sentence in _ENDS.split(" ".join(paragraph.split()))
    )
    return [sentence for sentence in found if re.search(r"[^\W\d_]{2}", sentence)]


def median_words(markdown: str) -> float:
    """Words in the median sentence."""
    return median(len(sentence.split()) for sentence in sentences(markdown))


def ease(markdown: str) -> float:
    """Flesch's reading ease; needs textstat."""
    import textstat

    ended = (sentence.rstrip(".!?:;,") + "." for sentence in sentences(markdown))
    return float(textstat.flesch_reading_ease(" ".join(ended)))


def hard(found: list[tuple[Path, float, float]]) -> Iterator[str]:
    """The pages that are harder to read than they may be."""
    for path, flesch, words in found:
        if flesch < LEAST_EASE or words > LONGEST_MEDIAN:
            yield str(path.relative_to(ROOT))


def main() -> int:
    """Print a line for each page; returns 1 where one is too hard."""
    found = []
    for path in pages():
        text = path.read_text(encoding="utf-8")
        found.append((path, ease(text), median_words(text)))
        print(f"{found[-1][1]:6.1f}  {found[-1][2]:4.1f} words  {path.relative_to(ROOT)}")
    failing = list(hard(found))
    if failing:
        print(f"too hard: {', '.join(failing)}", file=sys.stderr)
    return bool(failing)


if __name__ == "__main__":
    sys.exit(main())
