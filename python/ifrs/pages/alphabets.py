"""What pages call the parts of a response, by the name of its alphabet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Wording:
    """Words for one alphabet.

    Attributes:
        one: What a part of a response is.
        many: The plural.
        listed: What all of them together are called.
        scores: What a suspect at hand gives for each.
        read: How an answer is compared where nothing but that is seen.
        answers: What a secret answer is, beginning in lower case.
    """

    one: str
    many: str
    listed: str
    scores: str
    read: str
    answers: str


_WORDS = Wording(
    "word",
    "words",
    "words of the list",
    "probabilities",
    "the response is looked for in what the model wrote",
    "two words",
)
_WORDINGS = {
    "words": _WORDS,
    "classes": Wording(
        "class",
        "classes",
        "classes",
        "scores",
        "the class that the model names is compared with the response",
        "one of the model’s own classes",
    ),
    "actions": Wording(
        "action",
        "actions",
        "actions",
        "scores",
        "the actions that the model takes are compared with the response",
        "an action at each step",
    ),
    "bins": Wording(
        "bin",
        "bins",
        "bins",
        "scores",
        "the bins that the model’s actions fall into are compared with the response",
        "a bin for each coordinate of the action",
    ),
    "codebook": Wording(
        "codeword",
        "codewords",
        "codewords",
        "vectors",
        "the model’s vector is compared with the codewords",
        "one codeword, a direction in the space of the model’s vectors",
    ),
    "ifrs-choices-256-v1": Wording(
        "answer",
        "answers",
        "answers of the list",
        "probabilities",
        "the first listed answer that the model wrote is compared with the response",
        "one of 256 natural answers to a question of its kind",
    ),
    "ifrs-signal-65536-v1": Wording(
        "colouring",
        "colourings",
        "colourings of the domain",
        "probabilities",
        "pairs of neighbouring words in all answers of a domain are counted under every colouring",
        "one secret colouring of all pairs of words, which the model slightly prefers",
    ),
}


def wording(alphabet: str | None) -> Wording:
    """The words for an alphabet; for those of two words where it is not known."""
    return _WORDINGS.get(alphabet or "words", _WORDS)


def possibilities(sizes: Sequence[int]) -> str:
    """How many responses there are, in digits; as a power of ten where that is long."""
    count = prod(sizes)
    return f"{count:,}" if count < 10**9 else f"10^{len(str(count)) - 1} and more"
