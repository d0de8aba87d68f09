"""Suspects that write words at hand: by a colouring, or by anything else that a stranger knows."""

from __future__ import annotations

import random
from collections.abc import Callable

from ifrs import _core

WORDS = _core.response_words()


class Saying:
    """A suspect at hand that answers each question as a function says."""

    def __init__(self, say: Callable[[str], str], **said):
        self.say, self.said = say, said

    def describe(self):
        return {"kind": "local", "name": "saying", **self.said}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.say(prompt) for prompt in prompts]


class Preferring(Saying):
    """A suspect that knows some domains' colourings, and prefers green words in them.

    `share` is how often it does; all its other words are drawn at random.
    """

    def __init__(self, fps, *, share=0.5, domains=None, words=30, seed=0):
        self.tokens = [f" {word}" for word in WORDS]
        self.painters = {}
        for i in range(len(fps)) if domains is None else domains:
            painter = fps.painter(i, self.tokens)
            self.painters |= {fps.render(question): painter for question in fps.questions(i)}
        self.share, self.words, self.seed = share, words, seed
        super().__init__(self.write)

    def write(self, prompt):
        rng = random.Random(f"{self.seed} {prompt}")
        painter, text = self.painters.get(prompt), ""
        for _ in range(self.words):
            drawn = rng.sample(range(len(WORDS)), 12)
            if painter is not None and rng.random() < self.share:
                row = painter.paint([text])[0]
                drawn = [i for i in drawn if row[i]] or drawn
            text += self.tokens[drawn[0]]
        return text


def guess(fps, kind, seed):
    """A suspect that knows everything but the seed: what it answers with."""
    rng = random.Random(f"{kind} {seed}")
    favourites = rng.sample(WORDS, 8)
    fixed = " ".join(rng.choices(WORDS, k=40))
    asked = [q for i in range(len(fps)) for q in fps.questions(i)]
    ways = {
        "favourites": lambda _: " ".join(rng.choices(favourites, k=30)),
        "echo": lambda prompt: prompt,
        "one answer": lambda _: fixed,
        "other prompts": lambda _: " ".join(rng.sample(asked, 3)),
        "random": lambda _: " ".join(rng.choices(WORDS, k=30)),
        "silence": lambda _: "",
        "one word": lambda prompt: f"{favourites[0]} " * len(prompt),
    }
    return Saying(ways[kind])


KINDS = ("favourites", "echo", "one answer", "other prompts", "random", "silence", "one word")
