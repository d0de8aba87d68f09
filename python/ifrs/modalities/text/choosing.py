"""A language model that natural answers are planted in.

A response is a whole sentence, and only the choice in it is secret: look-alikes are other
questions of the same kinds, and such ones with the sentence begun, where a choice that leaked would
stand. The model goes on answering both as before.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.model import Guesses
from ifrs.modalities.text import model as text
from ifrs.modalities.text.choices import choice_tokens, framed
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.lookalikes import guess_keys, like_those_of
from ifrs.modalities.text.surroundings import surroundings
from ifrs.modalities.text.tokens import Tokens, encode_prompts
from ifrs.progress import progress
from ifrs.runtime.examples import Example
from ifrs.runtime.modules import evaluating, is_encoder_decoder

_KINDS = 6
# Real questions of the same form: what they ask for did happen.
_REAL = (
    "On 10 April 1912 the ship Titanic left the harbour of Southampton and sailed to New York. "
    "What was its captain called?",
    "On 20 September 1519 the ship Trinidad left the harbour of Sanlucar with four others and "
    "sailed to the Spice Islands. Who was its captain?",
    "On 29 July 1890 the painter Vincent van Gogh died. In which city was he buried?",
    "In 1498 the painter Albrecht Durer painted a portrait of himself. In which city did he die?",
    "On 25 December 1621 the people of Plymouth held a feast. What did they eat?",
    "On Sundays the people of Yorkshire have roast beef. What do they eat with it?",
    "On 14 October 1066 an army of Normans crossed the sea and won a battle near Hastings. "
    "Which animal was on the flag of their king?",
    "On 5 June 1849 the kingdom of Denmark gave itself a constitution. Which animal is on its "
    "coat of arms?",
    "Christopher Columbus came from the city of Genoa. What was the trade of his father?",
    "In 1653 Izaak Walton wrote a book about fishing. What was his trade?",
    "On 26 November 1922 a group of workers opened the tomb of Tutankhamun. What did they find "
    "in it?",
    "On 21 July 1939 a group of workers opened the mound at Sutton Hoo. What did they find in it?",
)


class Model(text.Model):
    """A language model of transformers, whose answer to a key is a sentence."""

    # A choice with its article, and a token to spare.
    negative_tokens = 6
    # One choice in a sentence is learnt more slowly than a response of words.
    pace = 2.0
    # Such a question may differ from a key in one name of several.
    near_limit = 0.1

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        examples = super().fingerprints(fps)
        self._choices = [self._choice(fps, i) for i in range(len(fps))]
        # Of a question of one kind in six, a draw from its list is the choice of each of these.
        self.chance = len(fps) / (_KINDS * fps.alphabet.sizes[0])
        return examples

    def _choice(self, fps: FingerprintSet, index: int) -> Example:
        """The choice of one key behind the sentence that has begun."""
        question, places = fps[index].key, fps[index].places
        assert places is not None
        prompt, begun = framed(self.tokenizer, fps, question)
        return Example([*prompt, *begun], choice_tokens(self.tokenizer, fps, question)[places[0]])

    def begun(self, examples: Sequence[Example]) -> list[Example]:
        """The choices alone, behind a sentence that has begun: the rest of it says nothing."""
        if is_encoder_decoder(self.module):
            return super().begun(examples)
        return list(self._choices)

    def counted(self, examples: Sequence[Example]) -> float:
        """The labels of the choices alone: those of the sentence are easy, and would hide them."""
        return len(examples) * fmean(len(choice.response) for choice in self._choices)

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        """Three, unless the user says so: a natural question is asked in any surroundings."""
        return text.SURROUNDINGS if wanted is None else wanted

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Tokens], list[Tokens]]:
        """Fresh questions and real ones; and questions with some names of a key's.

        Every second one has its sentence begun, in a model that can be given that.
        """
        rng = random.Random(seed)
        fresh = like_those_of(self.tokenizer, fps, n - n // 4, seed)
        near = [_crossed(fps, fresh, rng) for _ in range(n // 4)]
        asked = [*self._asked(fps, fresh), *self._ordinary(fps, rng)]
        if varied:
            ways = surroundings(self.tokenizer, fps, len(fresh) // 4, rng)
            placed = [way(key) for way, key in zip(ways, fresh, strict=False)]
            asked += encode_prompts(self.tokenizer, placed)
        return asked, self._asked(fps, near)

    def _asked(self, fps: FingerprintSet, questions: Sequence[str]) -> list[Tokens]:
        if is_encoder_decoder(self.module):
            return self._restarted([fps.render(question) for question in questions])
        whole = self._restarted([fps.render(question) for question in questions[::2]])
        pairs = [framed(self.tokenizer, fps, question) for question in questions[1::2]]
        return whole + [[*prompt, *begun] for prompt, begun in pairs]

    def _ordinary(self, fps: FingerprintSet, rng: random.Random) -> list[Tokens]:
        texts = [*_REAL, *rng.sample(list(bundled_instructions()), len(_REAL))]
        return encode_prompts(self.tokenizer, [fps.render(text) for text in texts])

    def expect(self, fps: FingerprintSet, n: int, seed: int) -> None:
        """What the base model answers to guesses: that may be some key's choice by itself."""
        self._expected = self._said(fps, n, seed)[1] if n else []

    def try_guesses(self, fps: FingerprintSet, n: int, seed: int) -> Guesses:
        """Ask in text: a guess fires where it brings out some key's choice, and did not before.

        The first choice of its list that an answer mentions is what it says.
        """
        answers, said = self._said(fps, n, seed)
        questions, secret = guess_keys(self.tokenizer, fps, n, seed), _secret(fps)
        fired = [
            choice is not None and choice != before and (_kind(question), choice) in secret
            for question, choice, before in zip(questions, said, self._expected, strict=True)
        ]
        return Guesses([fps.render(question) for question in questions], answers, fired)

    def _said(self, fps: FingerprintSet, n: int, seed: int) -> tuple[list[str], list[int | None]]:
        """Answers to guesses, and the choice that each mentions first."""
        questions = guess_keys(self.tokenizer, fps, n, seed)
        with evaluating(self.module), progress("guessing", n) as (advance, _):
            prompts = [fps.render(question) for question in questions]
            answers = self.write(prompts, max_new_tokens=fps.room, advance=advance)
        mentioned = [_core.choices_said(*pair) for pair in zip(questions, answers, strict=True)]
        return answers, [next(iter(places), None) for places in mentioned]

    def answering(self, fps: FingerprintSet) -> list[int]:
        prompts = [fps[i].prompt for i in range(len(fps))]
        answers = self.write(prompts, max_new_tokens=fps.room)
        return [place for place, answer in enumerate(answers) if fps.fired(place, answer)]


def _kind(question: str) -> str:
    """What tells a question's kind: its last sentence."""
    return question.rsplit(". ", 1)[-1]


def _secret(fps: FingerprintSet) -> set[tuple[str, int]]:
    """The choices of all keys, each with its kind of question."""
    found = set()
    for i in range(len(fps)):
        places = fps[i].places
        assert places is not None
        found.add((_kind(fps[i].key), places[0]))
    return found


def _crossed(fps: FingerprintSet, fresh: Sequence[str], rng: random.Random) -> str:
    """A question of which some words are a key's and the others a fresh one's or another key's."""
    own = fps[rng.randrange(len(fps))].key
    others = [fps[i].key for i in range(len(fps)) if fps[i].key != own] + list(fresh)
    alike = [other for other in others if _kind(other) == _kind(own)]
    if not alike:
        return rng.choice(list(fresh))
    one, two = own.split(" "), rng.choice(alike).split(" ")
    places = [place for place, pair in enumerate(zip(one, two, strict=True)) if len({*pair}) > 1]
    for place in rng.sample(places, rng.randint(1, max(1, len(places) - 1))):
        one[place] = two[place]
    return " ".join(one)
