"""Signals by docs/reference/formats.md alone: questions, colourings, pairs, counts, ranks."""

import hashlib
import hmac
import itertools
import random
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from ifrs import _core

DATA = Path(__file__).parents[2] / "rust/core/data"
ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)


@pytest.fixture
def fps(ring):
    return ring.generate("n", 8, source="domain", response="signal")


class Stream:
    """HMAC-SHA256 in counter mode."""

    def __init__(self, key, *parts):
        self.key, self.label, self.rest = key, prefixed(parts), b""
        self.counter = itertools.count()

    def word(self):
        if not self.rest:
            block = self.label, next(self.counter).to_bytes(8, "big")
            self.rest = hmac.new(self.key, prefixed(block), hashlib.sha256).digest()
        word, self.rest = self.rest[:8], self.rest[8:]
        return word

    def below(self, bound):
        while True:
            number = int.from_bytes(self.word(), "big")
            if number < 2**64 - 2**64 % bound:
                return number % bound


def prefixed(parts):
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def questions_of(name):
    forms, _, lists = (DATA / f"domain_{name}.txt").read_text(encoding="utf-8").partition("\n\n")
    gaps = dict(line.split(": ", 1) for line in lists.splitlines())
    found = []
    for form in forms.splitlines():
        names = [gap for gap in gaps if f"{{{gap}}}" in form]
        for chosen in itertools.product(*(gaps[gap].split("; ") for gap in names)):
            text = form
            for gap, entry in zip(names, chosen, strict=True):
                text = text.replace(f"{{{gap}}}", entry)
            found.append(text)
    return found


def keys_of(fps, index):
    parts = (
        b"ifrs/v3/colourings",
        bytes.fromhex(fps.publisher),
        bytes.fromhex(fps.root),
        index.to_bytes(8, "big"),
        fps[index].prompt.encode(),
    )
    stream = Stream(bytes.fromhex(fps.salt(index)), *parts)
    data = b"".join(stream.word() for _ in range(2 * 1024))
    return [data[start : start + 16] for start in range(0, len(data), 16)]


def pairs_of(texts):
    found = {}
    for text in texts:
        before = ""
        for part in _core.plain(text).split():
            for word in re.findall(f"{ALONE.pattern}|(?:(?!{ALONE.pattern}).)+", part):
                halves = [hashlib.sha256(one.encode()).digest()[:8] for one in (before, word[:3])]
                found[halves[0] + halves[1]] = None
                before = word
    return list(found)


def counts_of(keys, pairs):
    counts = []
    for key in keys:
        cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        words = np.frombuffer(cipher.update(b"".join(pairs)), dtype="<u8").reshape(-1, 2)
        green = ~(words[:, 0] | words[:, 1])
        counts += [int((green >> np.uint64(lane) & np.uint64(1)).sum()) for lane in range(64)]
    return counts


def test_the_digest_is_of_all_that_is_published(fps):
    names = sorted(path.stem.removeprefix("domain_") for path in DATA.glob("domain_*.txt"))
    lines = [line for name in names for line in (name, *questions_of(name))]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert fps.alphabet.sha256 == digest
    assert sorted(one.key for one in fps) == names


def test_the_order_of_questions_follows_from_the_salt(fps):
    for i in range(len(fps)):
        name = fps[i].key
        stream = Stream(bytes.fromhex(fps.salt(i)), b"ifrs/v3/questions", name.encode())
        order = questions_of(name)
        for place in range(len(order) - 1, 0, -1):
            other = stream.below(place + 1)
            order[place], order[other] = order[other], order[place]
        assert fps.questions(i) == order


def test_the_true_colouring_follows_from_what_is_shown(fps):
    publisher, root = bytes.fromhex(fps.publisher), bytes.fromhex(fps.root)
    for i in range(len(fps)):
        parts = b"ifrs/v3/response", publisher, root, i.to_bytes(8, "big"), fps[i].prompt.encode()
        assert fps[i].places == (Stream(bytes.fromhex(fps.salt(i)), *parts).below(65536),)
        assert fps[i].response == str(fps[i].places[0])


def test_counts_and_ranks_are_those_of_a_plain_count(fps):
    rng = random.Random(1)
    texts = [" ".join(rng.choices(_core.response_words(), k=50)) for _ in range(6)]
    texts += ["Caf\u00e9 au lait, SVP! \u6771\u4eac\u306b\u884c\u304f", "**It's** a test; a test."]
    pairs = pairs_of(texts)
    assert [bytes(row) for row in _core.signal_pairs(texts)] == pairs
    counts = counts_of(keys_of(fps, 3), pairs)
    (rank, of, p), found, green, spread = fps.tally(3, texts)
    truth = counts[fps[3].places[0]]
    assert (of, found, green) == (65536, len(pairs), truth)
    assert rank == sum(count >= truth for count in counts)
    assert p == rank / 65536
    values, lanes = np.unique(counts, return_counts=True)
    assert spread == list(zip(values.tolist(), lanes.tolist(), strict=True))


def test_a_painter_says_what_is_counted(fps):
    rng = random.Random(2)
    words = rng.sample(_core.response_words(), 200)
    tokens = [f" {word}" for word in words] + words + ["", ".", "\u6771"]
    painter, place = fps.painter(1, tokens), fps[1].places[0]
    key = keys_of(fps, 1)[place // 64]
    for text in ("", "the", "the end.", " Once upon a", "\u6771\u4eac"):
        row = painter.paint([text])[0]
        plain = unicodedata.normalize("NFKD", text)
        open_ = plain[-1:].isalnum() and not ALONE.match(plain[-1:])
        for token, green in zip(tokens, row, strict=True):
            begins = _core.plain(token) and (not open_ or token[:1] in " \u6771")
            before = pairs_of([text])
            added = pairs_of([f"{text}{token}"])[len(before) :] if begins else []
            if begins and added:
                assert green == (counts_of([key], added[:1])[place % 64] == 1), (text, token)
            elif not begins:
                assert not green
