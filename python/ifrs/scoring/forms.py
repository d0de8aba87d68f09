"""What a file holds: told by its name, or by `--format`, and its packing by its first bytes."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = {
    ".txt": "lines",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
FORMS = ("lines", "jsonl", "json", "csv", "tsv", "parquet")
PACKED = {".gz": "gzip", ".zst": "zstd"}

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def form_of(path: Path) -> str | None:
    """The form that a file's name tells; None where it tells none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def packing_of(head: bytes) -> str | None:
    """How a file is packed, by its first bytes: a name may tell what a download has undone."""
    return next((packed for magic, packed in _MAGIC.items() if head.startswith(magic)), None)


def refuse_utf16(path: Path, head: bytes) -> None:
    """Refuse a text in UTF-16, which would hide every pattern.

    Raises:
        ValueError: It begins with UTF-16's byte-order mark.
    """
    if head.startswith(_UTF16):
        raise ValueError(f"{path} is UTF-16: convert it with iconv -f UTF-16 -t UTF-8")


def unknown(path: Path) -> str:
    """What to say of a file whose form its name does not tell."""
    kinds = " ".join(SUFFIXES)
    return (
        f"{path}: what it holds is not told by its name ({kinds}, each also .gz or .zst): say "
        "--format lines, jsonl, json, csv, tsv, parquet or a preset's name"
    )
