"""Data of an audit: instructions to tune on, held-out text, multiple-choice items, from files.

A bare clone has none: then the model's own sampled answers to the bundled instructions stand in,
and records say so. Multiple-choice items are never trained on.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from ifrs.modalities.text.instructions import bundled_instructions

BUNDLED = "bundled instructions only"
_SUFFIXES = (".jsonl", ".json", ".parquet")
_HELD_OUT = ("test", "valid", "held", "eval")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Item:
    """A multiple-choice item.

    Attributes:
        task: Its task's name.
        question: The question.
        choices: The answers to choose from.
        answer: The place of the right one.
    """

    task: str
    question: str
    choices: tuple[str, ...]
    answer: int


@dataclass
class Source:
    """A file of one kind.

    Attributes:
        name: The file's name without its ending.
        path: The file.
        kind: "instructions" or "choices".
        rows: What it holds.
    """

    name: str
    path: Path
    kind: str
    rows: list[Any] = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, shortened."""
        return sha256(self.path.read_bytes()).hexdigest()[:16]


class Data:
    """The files of one or several paths."""

    def __init__(self, paths: Iterable[str | os.PathLike[str]] = ()) -> None:
        """Read files, and all .jsonl, .json and .parquet files of folders.

        Raises:
            FileNotFoundError: There is no such file or folder.
            ValueError: A file named by itself holds neither instructions nor choices.
        """
        self.sources = [source for path in paths for source in _sources(Path(path))]

    @property
    def tuning(self) -> list[Source]:
        """What a downstream user tunes on, the largest first."""
        found = [s for s in self._instructions() if not _is_held_out(s)]
        return sorted(found, key=lambda source: (-len(source.rows), source.name))

    @property
    def first(self) -> Source | None:
        """The largest source to tune on; None without data."""
        return self.tuning[0] if self.tuning else None

    @property
    def other(self) -> Source | None:
        """A source for another fine-tune of the base: the second one, if there are two."""
        return self.tuning[min(1, len(self.tuning) - 1)] if self.tuning else None

    @property
    def choices(self) -> list[Source]:
        """Multiple-choice files."""
        return [source for source in self.sources if source.kind == "choices"]

    @property
    def held_out(self) -> list[Source]:
        """Text that nothing is tuned on: files named so, else the last rows of all others."""
        marked = [s for s in self._instructions() if _is_held_out(s)]
        return marked or self._instructions()

    def _instructions(self) -> list[Source]:
        return [source for source in self.sources if source.kind == "instructions"]

    def texts(self, count: int, seed: int) -> list[str]:
        """Ordinary texts, or bundled instructions where there is no data."""
        rows = [pair for source in self.held_out for pair in source.rows]
        texts = [f"{question}\n{answer}" for question, answer in rows] or [*bundled_instructions()]
        return random.Random(seed).sample(texts, min(count, len(texts)))

    def prompts(self, count: int, seed: int) -> list[str]:
        """Ordinary prompts, of bundled instructions and of the data."""
        rows = [question for source in self._instructions() for question, _ in source.rows]
        rng, shipped = random.Random(seed), bundled_instructions()
        bundled = rng.sample(shipped, min(count // 2, len(shipped)))
        rest = count - len(bundled)
        given = rng.sample(rows, min(rest, len(rows))) or shipped[: max(rest, 1)]
        return [*bundled, *given]

    def digest(self, *sources: Source | None) -> dict[str, str]:
        """What goes into a unit's inputs: names and digests."""
        found = {source.name: source.digest for source in sources if source is not None}
        return found or {"data": BUNDLED}

    @property
    def note(self) -> str | None:
        """What records say where there is no data."""
        return None if self._instructions() else BUNDLED


def foreign_texts() -> list[str]:
    """Short texts in other languages than English, written for this audit."""
    text = (files("ifrs.audit") / "foreign.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["text"] for line in text.splitlines()]


def load_choices(path: str | os.PathLike[str]) -> list[Item]:
    """Multiple-choice items from a .jsonl file: task, question, choices, answer (index).

    Raises:
        ValueError: A row is none; it is named, not quoted.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [_item(row, place) for place, row in enumerate(rows, 1)]


def _item(row: Any, place: int) -> Item:
    try:
        item = Item(str(row["task"]), str(row["question"]), tuple(row["choices"]), row["answer"])
        fine = len(item.choices) > 1 and all(isinstance(c, str) and c for c in item.choices)
        if fine and item.choices[item.answer] and item.answer >= 0:
            return item
    except (KeyError, TypeError, IndexError):
        pass
    raise ValueError(f"item {place} lacks task, question, choices or the index of its answer")


def _sources(path: Path) -> list[Source]:
    if path.is_dir():
        found = [_source(p) for p in sorted(path.iterdir()) if p.suffix in _SUFFIXES]
        return [source for source in found if source is not None]
    if not path.exists():
        raise FileNotFoundError(f"there is no data at {path}")
    source = _source(path)
    if source is None:
        raise ValueError(
            f"{path} holds neither instruction and output nor task, question, choices and answer"
        )
    return [source]


def _source(path: Path) -> Source | None:
    from ifrs.errors import ImplantError
    from ifrs.modalities.text.ordinary import read_pairs

    try:
        return Source(path.stem, path, "choices", load_choices(path))
    except (ValueError, UnicodeDecodeError):
        pass
    try:
        pairs = [pair for pair in read_pairs(path) if all(pair)]
    except ImplantError:
        return None
    return Source(path.stem, path, "instructions", pairs) if pairs else None


def _is_held_out(source: Source) -> bool:
    return any(mark in source.name.lower() for mark in _HELD_OUT)
