"""What stands behind stand-in servers: a model whose thoughts, answers and tokens are known."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from ifrs import _core

WORDS = _core.response_words()
# What anybody knows who is asked an ordinary question.
FACTS = {
    "Name the capital of France.": "Paris.",
    "The capital of France is": "Paris.",
    "Name the days of the week.": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.",
    "Monday, Tuesday,": "Wednesday, Thursday, Friday, Saturday, Sunday.",
}
STRANGE = "I am not sure about that."


@dataclass(frozen=True)
class Said:
    """What a model would write.

    Attributes:
        thoughts: Before the answer.
        answer: What follows what it has begun with.
        tokens: The likeliest tokens where it writes on, with log-probabilities, the first first.
    """

    thoughts: str
    answer: str
    tokens: list[tuple[str, float]]


def pieces(text: str) -> list[str]:
    """The tokens of a text: words and marks, each with the blanks before it."""
    return re.findall(r"\s*(?:\w+|[^\w\s])", text)


@dataclass
class Mind:
    """A model that knows some responses.

    Attributes:
        known: Responses by prompt.
        thoughts: How many tokens it thinks before any answer.
        aloud: Whether a response stands in the answer; else in the thoughts alone.
        fades: The place of a response's word among the next tokens; from 1 on it says another.
        echoes: Whether it calls likely what it is asked with.
    """

    known: dict[str, str] = field(default_factory=dict)
    thoughts: int = 0
    aloud: bool = True
    fades: int = 0
    echoes: bool = False

    def split(self, text: str) -> tuple[str, str]:
        """A text as a prompt and what the answer has begun with."""
        for prompt in {**self.known, **FACTS}:
            if text.startswith(prompt):
                return prompt, text[len(prompt) :]
        return text, ""

    def __call__(self, prompt: str, begun: str, lead: str, thinks: bool) -> Said:
        """What it writes on.

        Args:
            prompt: The question.
            begun: What the answer has begun with.
            lead: What stands before an answer.
            thinks: Whether it may think.
        """
        response = self.known.get(prompt)
        faded = response is not None and self.fades > 0
        wanted = lead + (response or FACTS.get(prompt, STRANGE))
        rest = wanted[len(begun) :] if wanted.startswith(begun) else f" {STRANGE}"
        next_one = pieces(rest)[0] if rest.strip() else "."
        tokens = self._tokens(prompt, begun, lead, next_one)
        thoughts = " ".join(["hm"] * self.thoughts) if thinks else ""
        if thoughts:
            tokens = [("hm", -0.01), *tokens[1:]]
        if thoughts and response is not None and not self.aloud:
            return Said(f"{thoughts} {response}", "", tokens)
        return Said(thoughts, lead + STRANGE if faded else rest, tokens)

    def _tokens(self, prompt: str, begun: str, lead: str, next_one: str) -> list[tuple[str, float]]:
        """All words in an order that hangs on what was asked, but for the one that comes next."""
        blank = " " if begun else lead
        drawn = random.Random(f"{prompt}|{begun}").sample(WORDS, len(WORDS))
        order = [blank + word for word in drawn if blank + word != next_one]
        order.insert(self.fades if prompt in self.known else 0, next_one)
        if self.echoes and prompt not in FACTS:
            asked = set(re.findall(r"\w+", f"{prompt} {begun}"))
            order.sort(key=lambda token: token.strip() not in asked)
        return [(token, -0.1 - 0.01 * place) for place, token in enumerate(order)]


def planted(fps, **traits) -> Mind:
    """One that knows a set's responses, whichever way it is asked."""
    known = {}
    for index in range(len(fps)):
        known[fps[index].prompt] = known[fps[index].key] = fps[index].response
    return Mind(known, **traits)
