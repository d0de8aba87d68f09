"""Natural answers from docs/reference/formats.md alone: lists, digest, questions, ranks."""

import hashlib
import hmac
import random
import re
from pathlib import Path

import pytest
from ifrs import _core

DATA = Path(__file__).parents[2] / "rust/core/data"
SOURCE = Path(__file__).parents[2] / "rust/core/src/fingerprint/choices/mod.rs"
KINDS = [
    (name, re.sub(r"\\\n\s*", "", question), sentence)
    for name, question, sentence in re.findall(
        r'name: "(\w+)",\s+question: "(.*?)",\s+sentence: "(.*?)",',
        SOURCE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
]
LISTS = {
    name: (DATA / f"choices_{name}.txt").read_text(encoding="utf-8").split() for name, *_ in KINDS
}
ONSETS = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "r", "s", "t", "v", "z", "th", "br"]
SYLLABLES = [onset + vowel + coda for onset in ONSETS for vowel in "aeio" for coda in "lnrm"]
SLOTS = {
    "t": r"\d{1,2} [A-Z][a-z]+ 1[1-8]\d\d",
    "m": r"[5-9]\d\d",
    "k": r"[1-4]\d\d",
    **dict.fromkeys("abcd", "[A-Z][a-z]{8,11}"),
}


@pytest.fixture
def fps(ring):
    return ring.generate("n", 60, source="natural", response="choices")


def read(question):
    """Kind, sentence with names, list: by patterns of the questions."""
    for name, wording, sentence in KINDS:
        pattern = re.sub(r"%(\w)", lambda slot: f"(?P<{slot[1]}>{SLOTS[slot[1]]})", wording)
        if found := re.fullmatch(pattern.replace("?", r"\?", 0)[:-1] + r"\?", question):
            said = re.sub(r"%([a-d])", lambda slot, found=found: found[slot[1]], sentence)
            return name, said, found
    raise AssertionError(question)


def spoken(name, choice):
    if name not in ("animal", "trade", "thing"):
        return choice
    return f"{'an' if choice[0] in 'aeiou' else 'a'} {choice}"


def uniform(key, parts, bound):
    """The first choice of a stream."""
    label = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    counter = 0
    while True:
        parts = label, counter.to_bytes(8, "big")
        data = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        block = hmac.new(key, data, hashlib.sha256).digest()
        for start in range(0, 32, 8):
            word = int.from_bytes(block[start : start + 8], "big")
            if word < 2**64 - 2**64 % bound:
                return word % bound
        counter += 1


def test_the_digest_is_of_all_that_is_published(fps):
    lines = [line for name, *rest in KINDS for line in (name, *rest, *LISTS[name])]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert fps.alphabet.sha256 == digest
    assert len(KINDS) == 6


def test_questions_and_answers_are_as_written_down(fps):
    for i in range(len(fps)):
        name, sentence, found = read(fps[i].key)
        for slot in "abcd":
            parts = re.findall("(?:th|br|[bdfghklmnrstvz])[aeio][lnrm]", found[slot].lower())
            assert "".join(parts) == found[slot].lower()
            assert len(parts) == 3
            assert set(parts) <= set(SYLLABLES)
        choice = LISTS[name][fps[i].places[0]]
        assert fps[i].response == sentence.replace("%!", spoken(name, choice))


def test_the_response_follows_from_what_is_shown(fps):
    publisher, root = bytes.fromhex(fps.publisher), bytes.fromhex(fps.root)
    for i in range(len(fps)):
        parts = b"ifrs/v3/response", publisher, root, i.to_bytes(8, "big"), fps[i].prompt.encode()
        assert fps[i].places == (uniform(bytes.fromhex(fps.salt(i)), parts, 256),)


def test_ranks_are_those_of_a_plain_search(fps):
    rng = random.Random(0)
    for i in range(len(fps)):
        name, _, _ = read(fps[i].key)
        words = [*rng.sample(LISTS[name], 9), "the", "of", fps[i].key]
        truth = LISTS[name][fps[i].places[0]]
        answer = " ".join(rng.choice([w, w.upper(), f"**{w}**,"]) for w in [*words, truth])
        order = list(re.findall("[a-z]+", answer.lower()))
        order = [w for w in dict.fromkeys(order) if w in {one.lower() for one in LISTS[name]}]
        wanted = order.index(truth.lower()) + 1
        assert [row[:2] for row in fps.rank_answer(i, answer, b"", 0)] == [(wanted, 256)]
        assert fps.fired(i, answer) == (wanted == 1)
        assert _core.choices_said(fps[i].key, answer)[wanted - 1] == fps[i].places[0]
