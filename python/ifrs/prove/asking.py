"""A suspect as `verify` asks it, whatever its user gave: what is not said is found out here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from ifrs._core import FingerprintSet
from ifrs.clock import now
from ifrs.errors import TargetError
from ifrs.modalities import keys_of
from ifrs.modalities.suspect import (
    LONGEST_ANSWER,
    Answer,
    Likelihoods,
    OnAnswer,
    ServedSuspect,
    Suspect,
    keep_raw,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SERVED = ("wording", "affordable", "ask", "reach")
_SHOWING = ("ask_words", "affordable_words")


def _can(target: Any, *names: str) -> bool:
    """Whether a suspect has all of these methods; one that is None is one it lacks."""
    return all(callable(getattr(target, name, None)) for name in names)


def _said(target: Any, name: str, unsaid: Any) -> Any:
    """An attribute of a suspect; one that is None says nothing."""
    value = getattr(target, name, None)
    return unsaid if value is None else value


class Asked:
    """One suspect, queried with the keys of one set, with the attributes of `Suspect`.

    Unless it says so, every key is spent but those of a suspect whose kind is "local".
    """

    def __init__(self, target: Any, fps: FingerprintSet) -> None:
        """Look at a suspect.

        Raises:
            TargetError: It says that it is of another kind than the set's keys are for.
            TypeError: It can neither answer nor describe itself.
        """
        kind = _said(target, "modality", fps.modality)
        if kind != fps.modality:
            raise TargetError(
                f"keys of the set {fps.name!r} are for models of kind {fps.modality!r}, and the "
                f"suspect is of kind {kind!r}: verify it with a set of its own kind"
            )
        if not hasattr(target, "answers") and fps.modality != "text":
            target = _Keyed(target.for_set(fps) if _can(target, "for_set") else target, fps)
        if not _can(target, "answers", "describe"):
            raise TypeError(
                "target must have answers and describe: take LocalModel(model, tokenizer), "
                "LocalModel.from_pretrained(folder) or ApiModel(url, name); of other kinds than "
                "text it must have describe, and scores or labels"
            )
        self._target, self._fps = target, fps
        self._served = _can(target, *_SERVED)
        self.description: dict[str, Any] = target.describe()
        said = self.description
        local = said.get("kind") == "local"
        # A domain is spent by being shown with its salt, and not by being asked.
        self.spends_keys = not fps.is_signal and bool(_said(target, "spends_keys", not local))
        address = _said(target, "address", None)
        if self._served and address is None:
            address = said.get("base_url", said["name"])
        self.address = None if address is None else str(address)
        self.notes = [str(note) for note in _said(target, "notes", ())]
        usual = ServedSuspect if self._served else Suspect
        self.answer_tokens = int(_said(target, "answer_tokens", usual.answer_tokens))
        at_once = int(_said(target, "max_concurrency", 1)) if self._served else None
        self.max_concurrency: int | None = at_once

    def sees_likelihoods(self) -> tuple[bool, str | None]:
        """Whether responses can be ranked by scores rather than by the answer.

        Returns:
            That, and what a reader should know of it if something about the suspect prevents it.
        """
        if not self._fps.candidates("likelihood", 0) or not _can(self._target, "likelihoods"):
            return False, None
        why = getattr(self._target, "why_text_only", None)
        reason = None if why is None else why(self._fps)
        return reason is None, reason

    def likelihoods(self, indices: Sequence[int]) -> Likelihoods:
        """The scores under some keys."""
        found: Likelihoods = self._target.likelihoods(self._fps, indices)
        return found

    def affordable(self, indices: Sequence[int], max_new_tokens: int) -> int:
        """Under how many of these keys, from the first on, the spending limit lets it be asked."""
        if not self._served:
            return len(indices)
        return int(self._target.affordable(self._wordings(indices), max_new_tokens=max_new_tokens))

    def probe(self) -> dict[str, Any] | None:
        """Find out, without sending a key, whether and how it can be asked.

        Returns:
            What was found; None where no question was asked.

        Raises:
            TargetError: There is no server, or it cannot be asked.
        """
        if not self._served:
            return None
        if _can(self._target, "probe"):
            found: dict[str, Any] | None = self._target.probe(self._fps)
            return found
        self._target.reach()
        return None

    @property
    def shown_words(self) -> int:
        """How many words of a response can be ranked by probabilities that a server shows."""
        if not self._fps.candidates("shown", 0) or not _can(self._target, *_SHOWING):
            return 0
        return int(_said(self._target, "shown_words", 0))

    @property
    def thinks(self) -> bool:
        """Whether it thinks before it answers, so that answers can end before they begin."""
        return bool(_said(self._target, "thinks", False))

    @property
    def samples(self) -> bool:
        """Whether its answers are drawn at random although greedy ones were asked for."""
        return bool(_said(self._target, "samples", False))

    def ask_words(self, indices: Sequence[int], on_answer: OnAnswer) -> list[Answer | None]:
        """Ask for the probabilities of words under some keys; None: a key that was not sent.

        Raises:
            TargetError: Asking on is pointless.
        """
        found: list[Answer | None] = self._target.ask_words(self._fps, indices, on_answer=on_answer)
        return found

    def affordable_words(self, indices: Sequence[int]) -> int:
        """Under how many of these keys, from the first on, the spending limit lets that be done."""
        return int(self._target.affordable_words(self._fps, indices))

    def ask(
        self,
        indices: Sequence[int],
        *,
        max_new_tokens: int,
        temperature: float,
        on_answer: OnAnswer,
    ) -> list[Answer | None]:
        """Query some keys; None stands for a key that was not sent.

        Raises:
            TargetError: A suspect without a server does not answer every prompt with a text, or
                asking a server on is pointless.
        """
        options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "temperature": temperature}
        if self._served:
            found: list[Answer | None] = self._target.ask(
                self._wordings(indices), on_answer=on_answer, **options
            )
            return found
        return [*self.answer(indices, on_answer=on_answer, **options)]

    def answer(
        self,
        indices: Sequence[int],
        *,
        max_new_tokens: int,
        temperature: float,
        on_answer: OnAnswer,
    ) -> list[Answer]:
        """Query some keys, each of which is answered.

        Raises:
            TargetError: It does not answer every prompt with a text.
        """
        prompts = [self._fps[index].prompt for index in indices]
        return self._answered(prompts, max_new_tokens, temperature, on_answer)

    def ask_domains(
        self,
        indices: Sequence[int],
        which: range,
        *,
        max_new_tokens: int,
        temperature: float,
        on_answer: OnAnswer,
    ) -> list[Answer | None]:
        """Ask these questions of each of some domains; None: not all of them were sent.

        What fails is asked once more: an error brought no answer that could be chosen.

        Raises:
            TargetError: Asking on is pointless.
        """
        found: list[Answer | None] = []
        for place, index in enumerate(indices):
            prompts = self._questions(index, which)
            answers = self._each(prompts, max_new_tokens, temperature)
            failed = [i for i, one in enumerate(answers) if one is not None and one.error]
            if failed and len(failed) < len(answers):
                again = self._each([prompts[i] for i in failed], max_new_tokens, temperature)
                for i, one in zip(failed, again, strict=True):
                    answers[i] = one
            whole = _joined(answers)
            if whole is not None:
                on_answer(place, whole)
            found.append(whole)
        return found

    def affordable_domains(self, indices: Sequence[int], which: range, room: int) -> int:
        """How many of these domains, from the first on, the spending limit pays for."""
        if not self._served:
            return len(indices)
        prompts = [prompt for index in indices for prompt in self._questions(index, which)]
        return int(self._target.affordable(prompts, max_new_tokens=room)) // len(which)

    def _questions(self, index: int, which: range) -> list[str]:
        """What is sent to ask a domain's questions at these places."""
        given = self._fps.questions(index)[which.start : which.stop]
        key = self._fps[index].key
        if self._served and self._target.wording(self._fps, index) == key:
            return given  # the server adds the template
        return [self._fps.render(question) for question in given]

    def _each(
        self, prompts: Sequence[str], max_new_tokens: int, temperature: float
    ) -> list[Answer | None]:
        if not self._served:
            return [*self._answered(prompts, max_new_tokens, temperature, lambda *_: None)]
        found: list[Answer | None] = self._target.ask(
            prompts, max_new_tokens=max_new_tokens, temperature=temperature
        )
        return found

    def _answered(
        self, prompts: Sequence[str], max_new_tokens: int, temperature: float, on_answer: OnAnswer
    ) -> list[Answer]:
        """What a suspect without a server answers.

        Raises:
            TargetError: It does not answer every prompt with a text.
        """
        options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "temperature": temperature}
        texts = self._target.answers(prompts, **options)
        if len(texts) != len(prompts):
            raise TargetError(f"the suspect gave {len(texts)} answers to {len(prompts)} prompts")
        answers = []
        for place, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
            if not isinstance(text, str):
                kind = type(text).__name__
                raise TargetError(f"the suspect gave an answer that is no text: {kind}")
            # A lone surrogate can be written in no file.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            request = {"prompt": prompt, **options}
            asked: dict[str, Any] = {"time": now(), "endpoint": "local", "request": request}
            keep_raw(asked, text)
            answer = Answer(text[:LONGEST_ANSWER], asked)
            on_answer(place, answer)
            answers.append(answer)
        return answers

    def _wordings(self, indices: Sequence[int]) -> list[str]:
        return [self._target.wording(self._fps, index) for index in indices]


def _joined(answers: Sequence[Answer | None]) -> Answer | None:
    """The answers to a domain's questions as one; None where some were not sent."""
    sent = [answer for answer in answers if answer is not None]
    if len(sent) < len(answers):
        return None
    whole = reduce(Answer.joined, sent)
    whole.error = next((answer.error for answer in sent if answer.error is not None), None)
    if whole.error is not None:
        whole.asked["error"] = whole.error  # one that is missing could be one that was left out
    return whole


class _Keyed:
    """A suspect of another kind than text, which takes keys and gives scores or labels."""

    def __init__(self, target: Any, fps: FingerprintSet) -> None:
        self._sizes = fps.alphabet.sizes
        self._decode = keys_of(fps.modality)().decode
        self._challenge = str.encode if fps.media.startswith("text/") else base64.b64decode
        self._scores = target.scores if _can(target, "scores") else None
        self._labels = target.labels if _can(target, "labels") else None
        self._read: tuple[list[bytes], list[NDArray[np.float32]]] = [], []
        for name in ("describe", "spends_keys", "address"):
            if hasattr(target, name):
                setattr(self, name, getattr(target, name))
        if self._scores is not None:
            self.likelihoods = self._likelihoods
        if self._scores is not None or self._labels is not None:
            self.answers = self._answers

    def _answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """The places that the suspect names, in decimal."""
        import numpy as np

        challenges = [self._challenge(prompt) for prompt in prompts]
        if self._labels is None:
            places = np.stack([part.argmax(axis=1) for part in self._factors(challenges)], axis=1)
        else:
            places = np.asarray(self._labels([self._decode(one) for one in challenges]))
        wanted = (len(challenges), len(self._sizes))
        if places.size != wanted[0] * wanted[1] or not np.issubdtype(places.dtype, np.integer):
            raise TargetError(
                f"the suspect's labels must be {wanted[1]} whole number(s) for each key"
            )
        return [" ".join(map(str, row)) for row in places.reshape(wanted).tolist()]

    def _likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        import numpy as np

        factors = self._factors([fps[i].challenge for i in indices])
        scores = [[part[row] for part in factors] for row in range(len(indices))]
        exact = [
            tuple(int(part.argmax()) for part in one) == fps[i].places
            for one, i in zip(scores, indices, strict=True)
        ]
        return Likelihoods(scores, np.array(exact, dtype=np.bool_))

    def _factors(self, challenges: list[bytes]) -> list[NDArray[np.float32]]:
        """Scores of each factor, float32 (keys, size); of the same keys, asked for once."""
        if self._read[0] != challenges:
            self._read = challenges, self._scored(challenges)
        return self._read[1]

    def _scored(self, challenges: list[bytes]) -> list[NDArray[np.float32]]:
        import numpy as np

        assert self._scores is not None
        given = self._scores([self._decode(challenge) for challenge in challenges])
        parts = [given] if len(self._sizes) == 1 and np.ndim(given) == 2 else list(given)
        found = [np.ascontiguousarray(part, dtype=np.float32) for part in parts]
        if [part.shape for part in found] != [(len(challenges), size) for size in self._sizes]:
            raise TargetError(
                f"the suspect's scores must be one list of {' and '.join(map(str, self._sizes))} "
                "for each key"
            )
        if any(np.isnan(part).any() for part in found):
            raise TargetError("the suspect's scores are no numbers (NaN)")
        return found
