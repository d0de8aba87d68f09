"""What a served suspect is asked for, and how that is ranked: its answer, or its probabilities."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.suspect import Answer, OnAnswer
from ifrs.prove.asking import Asked
from ifrs.prove.records import RankRow
from ifrs.prove.report import Settings

PAYS_NO_MORE = "the spending limit pays for no more"


class Way(ABC):
    """A way to gather evidence key after key.

    Attributes:
        evidence: Its name in a report: "text" or "likelihood".
        candidates: How many candidates each test of one key has.
        goal: The evidence, as -log10, at which no further key is queried.
        words: How many words of a response are ranked one by one; None where it is ranked whole.
        questions: How many questions of each domain are asked; 0 where keys are no domains.
        looks: After how many numbers of them asking can stop; p-values are of the best of so many.
        goes_on: Whether more can be asked about the keys that were asked.
        on_thoughts: What to do where no answer of a suspect begins.
    """

    evidence: str
    candidates: list[int]
    goal: float
    words: int | None = None
    questions: int = 0
    looks: int = 1
    on_thoughts: str

    def __init__(self, asked: Asked, fps: FingerprintSet, settings: Settings) -> None:
        """Take a suspect and a set."""
        self.asked, self.fps, self.settings = asked, fps, settings
        self.goal = -math.log10(settings.alpha)

    @property
    def goes_on(self) -> bool:
        return False

    @abstractmethod
    def affordable(self, indices: Sequence[int]) -> int:
        """Under how many of these keys, from the first on, the spending limit lets it be asked."""

    @abstractmethod
    def ask(self, indices: Sequence[int], on_answer: OnAnswer) -> list[Answer | None]:
        """Query some keys; None stands for a key that was not sent."""

    @abstractmethod
    def rank(self, index: int, answer: Answer) -> list[RankRow]:
        """Where the truth stands among the candidates of each test."""

    def ask_further(self, answers: Mapping[int, Answer]) -> dict[int, Answer]:
        """Ask more about the keys that were asked.

        Returns:
            What they brought out in all; nothing where no key brought out anything.

        Raises:
            TargetError: Not all of it could be asked. What was asked before stands.
        """
        return {}


class Texts(Way):
    """Answers are weighed: responses are ranked among decoys by their fuzzy score in them."""

    evidence = "text"
    on_thoughts = "allow more room with reasoning_tokens=… (--reasoning-tokens N)"

    def __init__(self, asked: Asked, fps: FingerprintSet, settings: Settings) -> None:
        """Take a suspect and a set."""
        super().__init__(asked, fps, settings)
        self.candidates = fps.candidates("text", settings.decoys)
        self._label = settings.label or fps.name.encode()

    def affordable(self, indices: Sequence[int]) -> int:
        return self.asked.affordable(indices, self.settings.max_new_tokens)

    def ask(self, indices: Sequence[int], on_answer: OnAnswer) -> list[Answer | None]:
        return self.asked.ask(
            indices,
            max_new_tokens=self.settings.max_new_tokens,
            temperature=self.settings.temperature,
            on_answer=on_answer,
        )

    def rank(self, index: int, answer: Answer) -> list[RankRow]:
        # Decoys are drawn under the salt of the key's leaf, so that no suspect knows them, and a
        # label: a claim's digest, so that a checker draws the same.
        return self.fps.rank_answer(index, answer.text, self._label, self.settings.decoys)


class Domains(Way):
    """All answers to a domain are weighed: the true colouring is ranked among its family.

    Of each domain more questions are asked while the evidence does not suffice. The answers to the
    first ones count again, so these are looks at one sample that grows: their p-values must not be
    multiplied with one another, and the best of three counts three times.
    """

    evidence = "text"
    on_thoughts = "allow more room with reasoning_tokens=… (--reasoning-tokens N)"

    def __init__(
        self,
        asked: Asked,
        fps: FingerprintSet,
        settings: Settings,
        counts: Sequence[int],
        done: int | None = None,
    ) -> None:
        """Take a suspect, and a set whose keys are domains.

        `counts` are the numbers of questions after which asking can stop; `done` is the one that
        an earlier run reached.
        """
        super().__init__(asked, fps, settings)
        self.candidates = fps.candidates("text", settings.decoys)
        self._counts, self.looks = counts, len(counts)
        self.questions = counts[0] if done is None else done

    @property
    def goes_on(self) -> bool:
        return self.questions < self._counts[-1]

    def affordable(self, indices: Sequence[int]) -> int:
        return self._affordable(indices, range(self.questions))

    def ask(self, indices: Sequence[int], on_answer: OnAnswer) -> list[Answer | None]:
        return self._ask(indices, range(self.questions), on_answer)

    def ask_further(self, answers: Mapping[int, Answer]) -> dict[int, Answer]:
        count = next(count for count in self._counts if count > self.questions)
        heard = [index for index, answer in answers.items() if answer.error is None]
        added, whole = range(self.questions, count), dict[int, Answer]()
        if self._affordable(heard, added) < len(heard):
            raise TargetError(PAYS_NO_MORE)
        for index in heard:
            (found,) = self._ask([index], added, lambda *_: None)
            if found is None:
                raise TargetError(PAYS_NO_MORE)
            if found.error is not None:
                raise TargetError(f"further questions failed ({found.error})")
            whole[index] = answers[index].joined(found)
        self.questions = count
        return whole

    def _affordable(self, indices: Sequence[int], which: range) -> int:
        return self.asked.affordable_domains(indices, which, self.settings.max_new_tokens)

    def _ask(
        self, indices: Sequence[int], which: range, on_answer: OnAnswer
    ) -> list[Answer | None]:
        return self.asked.ask_domains(
            indices,
            which,
            max_new_tokens=self.settings.max_new_tokens,
            temperature=self.settings.temperature,
            on_answer=on_answer,
        )

    def rank(self, index: int, answer: Answer) -> list[RankRow]:
        if answer.error is not None:
            return [(of, of, 1.0) for of in self.candidates]
        row, pairs, green, spread = self.fps.tally(index, answer.texts)
        answer.tally = {
            "rank": row[0],
            "pairs": pairs,
            "green": green,
            "spread": [list(one) for one in spread],
        }
        return [row]


class Words(Way):
    """Probabilities are weighed: each word is ranked among the alphabet by what the server shows.

    Asking goes on until p ≤ alpha², as far as there are keys: a key costs two short requests, and
    evidence of that strength is still a match where a reader multiplies it by a million runs.
    """

    evidence = "likelihood"
    on_thoughts = 'ask in text, evidence="text" (--evidence text)'

    def __init__(self, asked: Asked, fps: FingerprintSet, settings: Settings, words: int) -> None:
        """Take a suspect and a set, of whose responses some words can be ranked."""
        super().__init__(asked, fps, settings)
        self.words = words
        self.candidates = fps.candidates("shown", 0)[:words]
        self.goal *= 2

    def affordable(self, indices: Sequence[int]) -> int:
        return self.asked.affordable_words(indices)

    def ask(self, indices: Sequence[int], on_answer: OnAnswer) -> list[Answer | None]:
        return self.asked.ask_words(indices, on_answer)

    def rank(self, index: int, answer: Answer) -> list[RankRow]:
        if answer.error is not None:
            return [(of, of, 1.0) for of in self.candidates]
        asked = [answer.asked, answer.asked_after]
        raws = [part["raw"] for part in asked if part is not None]
        return self.fps.rank_shown(index, raws, self.asked.description["mode"])
