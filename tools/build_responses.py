#!/usr/bin/env python3
"""Rebuild, or check, the response alphabet ``rust/core/data/responses.txt``.

The response alphabet is a fixed list of 2048 short, common, lower-case English
words.  A response is drawn from it, so each word, written after a space, should
be a single token in the tokenizers that models commonly use; its first token
then tells it from every other word of the list.

The tokenizers are given as paths on the command line.  These forms are read:

* ``*.gguf``: the SentencePiece-style vocabulary in a GGUF file (needs ``gguf``);
* ``*.model`` or ``*.model.v1`` and so on: a SentencePiece BPE model, or a
  tiktoken file under that name;
* ``*.tiktoken``: one ``base64 rank`` pair a line;
* ``*.bpe``: the merges of GPT-2;
* ``*tekken*.json``: Mistral's Tekken;
* other ``*.json``: a byte-level BPE ``tokenizer.json``.

A tokenizer with at least ``--strict-size`` tokens must hold every word as one
token.  In a smaller one the words need only start with distinct tokens, all of
which stand for at least two letters.

The words come from a plain word list (``--words``, for example Debian's
``wamerican``), less ``tools/responses_excluded.txt``, which was written by hand,
less regular inflections of words that pass the tokenizers too.  The commonest of
the remaining words win, by their mean log rank in the strict tokenizers.

Examples::

    python tools/build_responses.py qwen.tiktoken llama3.tiktoken gemma3.gguf
    python tools/build_responses.py --check qwen.tiktoken gemma3.gguf
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import math
import re
import struct
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "rust" / "core" / "data" / "responses.txt"
EXCLUDED = ROOT / "tools" / "responses_excluded.txt"
SIZE = 2048
WORD = re.compile(r"[a-z]{3,8}")
SPACE_MARK = "\u2581"


@dataclass(frozen=True)
class Tokenizer:
    """A BPE vocabulary, enough of it to encode one word after a space.

    ``merges`` holds the priority of merging two pieces; where it is ``None`` the
    priority is that of the merged piece in ``ranks``.  Lower merges first.
    """

    name: str
    ranks: dict[bytes, float]
    merges: dict[tuple[bytes, bytes], int] | None = None
    space: bytes = b" "

    def __len__(self) -> int:
        return len(self.ranks)

    def _priority(self, left: bytes, right: bytes) -> float:
        if self.merges is not None:
            return self.merges.get((left, right), math.inf)
        return self.ranks.get(left + right, math.inf)

    def encode(self, word: str) -> list[bytes]:
        """Encode ``" " + word`` for an ASCII ``word`` by greedy pair merging."""
        letters = [bytes([b]) for b in word.encode("ascii")]
        # A space is one piece in a SentencePiece vocabulary, one byte elsewhere.
        pieces = [self.space, *letters]
        while len(pieces) > 1:
            costs = [self._priority(a, b) for a, b in pairwise(pieces)]
            best = min(costs)
            if best == math.inf:
                break
            at = costs.index(best)
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        return pieces

    def rank(self, word: str) -> float:
        """Commonness of a single-token word: its place in the merge order."""
        return self.ranks[self.space + word.encode("ascii")]


def _byte_level_alphabet() -> dict[str, int]:
    """Map the printable stand-ins of byte-level BPE back to bytes."""
    keep = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(b): b for b in keep}
    extra = 0
    for b in range(256):
        if b not in keep:
            table[chr(256 + extra)] = b
            extra += 1
    return table


def _byte_level(merges: Iterable[tuple[str, str]], name: str) -> Tokenizer:
    alphabet = _byte_level_alphabet()

    def unescape(piece: str) -> bytes:
        return bytes(alphabet[c] for c in piece)

    ranks: dict[bytes, float] = {bytes([b]): float(b) for b in range(256)}
    order: dict[tuple[bytes, bytes], int] = {}
    for number, (left, right) in enumerate(merges):
        a, b = unescape(left), unescape(right)
        order.setdefault((a, b), number)
        ranks.setdefault(a + b, float(256 + number))
    return Tokenizer(name, ranks, order)


def _read_bpe(path: Path) -> Tokenizer:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ") for line in lines if not line.startswith("#version"))
    return _byte_level(((p[0], p[1]) for p in pairs if len(p) == 2), path.name)


def _read_tokenizer_json(path: Path) -> Tokenizer:
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    if model.get("type", "BPE") != "BPE":
        raise ValueError(f"{path.name}: only BPE models are read")
    if f"{SPACE_MARK}a" in model["vocab"]:
        raise ValueError(f"{path.name}: only byte-level tokenizer.json is read")
    pairs = (m.split(" ") if isinstance(m, str) else m for m in model["merges"])
    return _byte_level(((p[0], p[1]) for p in pairs), path.name)


def _read_tekken(path: Path) -> Tokenizer:
    data = json.loads(path.read_text(encoding="utf-8"))
    config = data["config"]
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    vocab = sorted(data["vocab"], key=lambda entry: entry["rank"])[:size]
    ranks = {base64.b64decode(e["token_bytes"]): float(e["rank"]) for e in vocab}
    return Tokenizer(path.name, ranks)


def _read_tiktoken(path: Path) -> Tokenizer:
    ranks: dict[bytes, float] = {}
    for line in path.read_bytes().splitlines():
        if line:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = float(rank)
    return Tokenizer(path.name, ranks)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Walk the fields of one protocol-buffer message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 5):
            width = 8 if kind == 1 else 4
            value, at = data[at : at + width], at + width
        elif kind == 2:
            width, at = _varint(data, at)
            value, at = data[at : at + width], at + width
        else:
            raise ValueError(f"unknown wire type {kind}")
        yield key >> 3, value


def _pieces(pieces: Iterable[tuple[str, float]], name: str) -> Tokenizer:
    # The piece with the highest score merges first.
    ranks = {piece.encode("utf-8"): -score for piece, score in pieces}
    return Tokenizer(name, ranks, space=SPACE_MARK.encode("utf-8"))


def _read_sentencepiece(path: Path) -> Tokenizer:
    def walk() -> Iterator[tuple[str, float]]:
        for number, message in _fields(path.read_bytes()):
            if number != 1 or not isinstance(message, bytes):
                continue
            piece, score, kind = b"", 0.0, 1
            for inner, value in _fields(message):
                if inner == 1 and isinstance(value, bytes):
                    piece = value
                elif inner == 2 and isinstance(value, bytes):
                    (score,) = struct.unpack("<f", value)
                elif inner == 3 and isinstance(value, int):
                    kind = value
            if kind == 1:  # NORMAL: not a control, byte or unknown piece
                yield piece.decode("utf-8"), score

    return _pieces(walk(), path.name)


def _read_gguf(path: Path) -> Tokenizer:
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"]
    scores = fields["tokenizer.ggml.scores"]
    kinds = fields["tokenizer.ggml.token_type"]

    def walk() -> Iterator[tuple[str, float]]:
        for t, s, k in zip(tokens.data, scores.data, kinds.data, strict=True):
            if int(kinds.parts[k][0]) == 1:
                yield bytes(tokens.parts[t]).decode("utf-8"), float(scores.parts[s][0])

    return _pieces(walk(), path.name)


def load(path: Path) -> Tokenizer:
    """Read a tokenizer, by the name of its file."""
    name = path.name.lower()
    if name.endswith(".gguf"):
        return _read_gguf(path)
    if name.endswith(".bpe"):
        return _read_bpe(path)
    if name.endswith(".json"):
        return _read_tekken(path) if "tekken" in name else _read_tokenizer_json(path)
    try:
        return _read_tiktoken(path)
    except (ValueError, binascii.Error):
        return _read_sentencepiece(path)


def read_list(path: Path) -> list[str]:
    """Read words from a file, several a line at will; ``#`` starts a comment."""
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words.extend(line.partition("#")[0].split())
    return words


def stems(word: str) -> set[str]:
    """Words of which ``word`` may be a regular inflection."""
    found: set[str] = set()
    for suffix, endings in {
        "s": ("",),
        "es": ("", "e"),
        "ies": ("y",),
        "ves": ("f", "fe"),
        "d": ("",),
        "ed": ("", "e"),
        "ied": ("y",),
        "ing": ("", "e"),
        "er": ("", "e"),
        "ers": ("", "e"),
        "est": ("", "e"),
        "ly": ("", "le"),
        "ily": ("y",),
        "ier": ("y",),
        "iest": ("y",),
    }.items():
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            found.update(base + ending for ending in endings)
            if suffix[0] in "ei" and len(base) > 3 and base[-1] == base[-2]:
                found.add(base[:-1])
    return {stem for stem in found if len(stem) >= 3}


# Words that end like an inflection and are none (evening is not even + ing).
NOT_INFLECTED = frozenset(
    [
        "adapter",
        "apply",
        "banner",
        "barrier",
        "bind",
        "bitter",
        "brass",
        "buffer",
        "butter",
        "card",
        "career",
        "center",
        "clothing",
        "cold",
        "computer",
        "contest",
        "copper",
        "corner",
        "crowd",
        "customer",
        "daily",
        "dinner",
        "drawer",
        "early",
        "engineer",
        "evening",
        "feed",
        "fiber",
        "find",
        "flower",
        "food",
        "forest",
        "friendly",
        "fund",
        "hammer",
        "kind",
        "ladder",
        "layer",
        "letter",
        "litter",
        "lovely",
        "matter",
        "mild",
        "mind",
        "modest",
        "news",
        "officer",
        "paper",
        "pass",
        "pier",
        "poster",
        "press",
        "primer",
        "quarter",
        "reply",
        "seed",
        "series",
        "server",
        "sheer",
        "shower",
        "summer",
        "tender",
        "tier",
        "tower",
        "wind",
    ]
)


def suitable(word: str, tokenizers: Sequence[Tokenizer], strict_size: int) -> bool:
    """Whether a word is one token wherever that is required of it."""
    for tokenizer in tokenizers:
        pieces = tokenizer.encode(word)
        if len(tokenizer) >= strict_size:
            if len(pieces) > 1:
                return False
        elif len(pieces) > 1 and len(pieces[0]) < len(tokenizer.space) + 2:
            return False
    return True


def build(
    words: Iterable[str],
    excluded: Iterable[str],
    tokenizers: Sequence[Tokenizer],
    strict_size: int,
) -> list[str]:
    """All suitable words, commonest first, with distinct first tokens."""
    strict = [t for t in tokenizers if len(t) >= strict_size]
    if not strict:
        raise ValueError("no tokenizer is large enough to be strict about")
    banned = set(excluded)
    fitting = {w for w in words if WORD.fullmatch(w) and suitable(w, tokenizers, strict_size)}

    def plain(word: str) -> bool:
        return word in NOT_INFLECTED or not stems(word) & fitting

    # Each tokenizer's order is turned into places among the fitting words, so
    # that vocabularies of different sizes weigh alike.
    weight: defaultdict[str, float] = defaultdict(float)
    for tokenizer in strict:
        for place, word in enumerate(sorted(fitting, key=tokenizer.rank)):
            weight[word] += math.log(place + 1)
    chosen: list[str] = []
    taken: list[set[bytes]] = [set() for _ in tokenizers]
    for word in sorted(fitting - banned, key=lambda w: (weight[w], w)):
        first = [t.encode(word)[0] for t in tokenizers]
        if not plain(word) or any(f in seen for f, seen in zip(first, taken, strict=True)):
            continue
        for f, seen in zip(first, taken, strict=True):
            seen.add(f)
        chosen.append(word)
    return chosen


def report(words: Sequence[str], tokenizers: Sequence[Tokenizer], strict_size: int) -> int:
    """Print how each tokenizer takes the words; return the number of faults."""
    faults = 0
    for tokenizer in tokenizers:
        encoded = [tokenizer.encode(word) for word in words]
        single = sum(len(pieces) == 1 for pieces in encoded)
        collisions = len(words) - len({pieces[0] for pieces in encoded})
        strict = len(tokenizer) >= strict_size
        faults += collisions + (len(words) - single if strict else 0)
        print(
            f"{tokenizer.name}: {len(tokenizer)} tokens, "
            f"{single} of {len(words)} words are single tokens, "
            f"{collisions} first-token collisions{'' if strict else ' (not strict)'}"
        )
    return faults


def list_faults(text: str, excluded: set[str]) -> list[str]:
    """What is wrong with the form of a committed list."""
    words = text.splitlines()
    faults = []
    if not text.endswith("\n") or "\r" in text:
        faults.append("the list must consist of lines ending in a newline")
    if len(words) != SIZE:
        faults.append(f"{len(words)} words, not {SIZE}")
    if words != sorted(set(words)):
        faults.append("the words are not sorted and distinct")
    faults.extend(f"not a plain word: {w!r}" for w in words if not WORD.fullmatch(w))
    faults.extend(f"excluded word: {w}" for w in words if w in excluded)
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tokenizers", nargs="+", type=Path, help="tokenizer files")
    parser.add_argument("--check", action="store_true", help="verify the list, write nothing")
    parser.add_argument("--words", type=Path, default=Path("/usr/share/dict/words"))
    parser.add_argument("--excluded", type=Path, default=EXCLUDED)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument(
        "--strict-size",
        type=int,
        default=30_000,
        help="vocabulary from which on words must be single tokens (default 30000)",
    )
    args = parser.parse_args(argv)
    tokenizers = [load(path) for path in args.tokenizers]
    excluded = set(read_list(args.excluded))

    if args.check:
        text = args.output.read_text(encoding="utf-8")
        faults = list_faults(text, excluded)
        for fault in faults:
            print(fault, file=sys.stderr)
        found = report(text.splitlines(), tokenizers, args.strict_size)
        return 1 if faults or found else 0

    ranked = build(read_list(args.words), excluded, tokenizers, args.strict_size)
    print(f"{len(ranked)} suitable words")
    if len(ranked) < SIZE:
        print(f"fewer than {SIZE} words are left", file=sys.stderr)
        return 1
    chosen = sorted(ranked[:SIZE])
    report(chosen, tokenizers, args.strict_size)
    args.output.write_text("".join(f"{word}\n" for word in chosen), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
