"""What proving asks of a suspect, whatever its kind."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from ifrs._core import FingerprintSet
from ifrs.errors import TargetError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What is kept of an answer, in characters. Answers to a few dozen tokens are a hundredth of it.
LONGEST_ANSWER = 16_384
_LONGEST_RAW = 1 << 20  # characters


@dataclass
class Answer:
    """What came back for one prompt.

    Attributes:
        text: What the suspect wrote; empty where nothing usable came.
        asked: `time` (RFC 3339, UTC), `endpoint`, `request` as sent, `raw`, the answer as it came.
        error: Why there is no text, if there is none. It proves nothing either way.
        cut_off: Whether it ended for want of tokens before it began: no silence.
        asked_after: How the second word of a response was asked for, as `asked`; None where a
            server was not asked for probabilities.
        further: Of a domain, its further questions in order: `asked` and `answer` of each.
        tally: Of a domain, what all its answers say of every colouring: `rank`, `pairs` (distinct
            pairs of neighbouring words), `green` of the true one, and `spread`, all numbers of
            green pairs, each with how many colourings have it.
    """

    text: str
    asked: dict[str, Any]
    error: str | None = None
    cut_off: bool = False
    asked_after: dict[str, Any] | None = None
    further: list[dict[str, Any]] = field(default_factory=list)
    tally: dict[str, Any] | None = None

    @property
    def texts(self) -> list[str]:
        """Everything that it wrote, question by question."""
        return [self.text, *(one["answer"] for one in self.further)]

    def joined(self, later: Answer) -> Answer:
        """These answers and those to questions that were asked later, as one."""
        added = [{"asked": later.asked, "answer": later.text}, *later.further]
        cut_off = self.cut_off or later.cut_off
        return Answer(self.text, self.asked, cut_off=cut_off, further=self.further + added)

    def __repr__(self) -> str:
        return f"Answer(characters={len(self.text)}, error={self.error is not None})"


# Called with the place of a prompt as soon as its answer is there.
OnAnswer = Callable[[int, Answer], None]


def keep_raw(asked: dict[str, Any], text: str) -> None:
    """Write down an answer as it came; of one that is too long, its beginning and its digest.

    Such a key proves nothing in a bundle: what was left out cannot be compared.
    """
    if len(text) > _LONGEST_RAW:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        asked["raw_cut"] = {"characters": len(text), "sha256": digest}
    asked["raw"] = text[:_LONGEST_RAW]


@dataclass
class Likelihoods:
    """What one pass says of some keys.

    Attributes:
        scores: For each key, one list of scores for each factor of the response alphabet, float32;
            of words, log-probabilities in nats of each listed word's first token where each word
            of the true response begins: (keys, 2, words).
        exact: Whether the suspect's own answer is the response, bool (keys,).
    """

    scores: Sequence[Sequence[NDArray[np.float32]]] | NDArray[np.float32]
    exact: NDArray[np.bool]  # with an underscore the API reference would read a link


@runtime_checkable
class Target(Protocol):
    """The least that a suspect is: anything that answers prompts, of whatever class."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What the suspect is: at least kind and name."""

    @abstractmethod
    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """One answer for each prompt.

        Raises:
            TargetError: The suspect does not answer.
        """


class Suspect(Target, ABC):
    """A suspect that says what it is by attributes.

    Attributes:
        spends_keys: Whether a key that it gets counts as seen by somebody else.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
        answer_tokens: The longest answer to ask for, where the caller does not say.
        notes: What a report's reader should know of how the suspect was loaded: whole sentences.
        modality: The kind of model that it is; None where it says nothing.
    """

    modality: ClassVar[str | None] = None

    spends_keys: ClassVar[bool] = False
    answer_tokens: ClassVar[int] = 16
    address: str | None = None
    notes: Sequence[str] = ()


class LikelySuspect(Suspect):
    """A suspect whose probabilities can be seen."""

    @abstractmethod
    def likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """The scores of the response alphabet under the keys at `indices`."""

    def why_text_only(self, fps: FingerprintSet) -> str | None:
        """Why these are no evidence for a set; None where they are."""
        return None


class NeverAnswers(TargetError):
    """A suspect that speaks, and never comes to an answer: no key is worth spending on it.

    Attributes:
        found: What a probe found.
    """

    found: dict[str, Any] | None = None


class ServedSuspect(Suspect):
    """A suspect on somebody else's machine: every key sent to it is spent.

    Attributes:
        max_concurrency: How many prompts it is asked at a time.
        shown_words: How many words of a response can be ranked by the probabilities that it shows;
            0 where answers are weighed as texts.
        thinks: Whether it thinks before it answers, so that answers can end before they begin.
        samples: Whether its answers are drawn at random although greedy ones were asked for.
    """

    spends_keys = True
    # Servers put more prose around an answer, and models that were told to be polite still more.
    answer_tokens = 48
    max_concurrency: int = 1
    shown_words: int = 0
    thinks: bool = False
    samples: bool = False

    @abstractmethod
    def wording(self, fps: FingerprintSet, index: int) -> str:
        """What is sent to query one key."""

    @abstractmethod
    def affordable(self, prompts: Sequence[str], *, max_new_tokens: int) -> int:
        """How many of these prompts, from the first on, the spending limit pays for."""

    @abstractmethod
    def ask(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer | None]:
        """One answer for each prompt, failures included; None where none was sent.

        Args:
            prompts: What to ask.
            max_new_tokens: The longest answer, in the suspect's tokens.
            temperature: 0 for greedy.
            on_answer: Called with each answer as it comes.

        Raises:
            TargetError: Asking on is pointless: no such server, no access, or a limit reached
                that will not go away. Answers that came before went to `on_answer`.
        """

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        found = self.ask(prompts, max_new_tokens=max_new_tokens, temperature=temperature)
        for answer in found:
            if answer is None:
                raise TargetError("the spending limit pays for no further request")
            if answer.error is not None:
                said = self.describe()
                where = said.get("base_url", said["name"])
                raise TargetError(f"{where} did not answer: {answer.error}")
        return [answer.text for answer in found if answer is not None]

    @abstractmethod
    def reach(self) -> None:
        """Find out, without sending a key, whether there is a server.

        Raises:
            TargetError: There is none, or it refuses access.
        """

    def probe(self, fps: FingerprintSet) -> dict[str, Any] | None:
        """Find out, without sending a key, how the server can be queried with a set's keys.

        Returns:
            What was found; None where no question was asked.

        Raises:
            TargetError: It cannot be asked; the message says what to do.
            NeverAnswers: It thinks, and never comes to an answer.
        """
        self.reach()
        return None

    def ask_words(
        self, fps: FingerprintSet, indices: Sequence[int], *, on_answer: OnAnswer
    ) -> list[Answer | None]:
        """Ask for the probabilities of a response's words under each key; None where not sent.

        Raises:
            TargetError: As `ask`.
        """
        raise NotImplementedError

    def affordable_words(self, fps: FingerprintSet, indices: Sequence[int]) -> int:
        """How many of these keys, from the first on, the limit lets be queried so."""
        raise NotImplementedError
