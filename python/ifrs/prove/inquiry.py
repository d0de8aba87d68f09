"""Asking a suspect in text, key after key, until the evidence suffices."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import FingerprintError, TargetError
from ifrs.modalities.faces import LONGEST_ANSWER, Answer, ForeignTarget, OnAnswer, keep_raw
from ifrs.prove.ledger import Ledger
from ifrs.prove.records import Query, RankRow, ranks_by_text, records
from ifrs.prove.report import Report, now
from ifrs.prove.resuming import Saver

# A suspect that fails so often in a row is not asked under more keys.
_GIVE_UP = 3
# Where no evidence decides when to stop, so many keys for each request in flight are journalled
# together: fewer writings of the keyring, and few keys lost where asking is cut off.
_AHEAD = 4
_SLACK = 1e-9  # of sums of logarithms


@dataclass(frozen=True)
class Settings:
    """How a suspect is asked and its answers weighed; the arguments of `ifrs.verify`."""

    alpha: float
    decoys: int
    temperature: float
    sequential: bool
    max_new_tokens: int
    claim: str | None

    @property
    def label(self) -> bytes | None:
        """What decoys are drawn from; None for the set's name."""
        return None if self.claim is None else bytes.fromhex(self.claim)


class Inquiry:
    """A verification by text: what is planned, what came back, and what that proves so far."""

    def __init__(
        self,
        target: Any,
        fps: FingerprintSet,
        settings: Settings,
        ledger: Ledger,
        planned: Sequence[int],
        earlier: dict[int, Answer],
        usable: int,
        note: str | None = None,
    ) -> None:
        """Prepare to ask.

        Args:
            target: The suspect.
            fps: The fingerprints.
            settings: How.
            ledger: Where spent keys are recorded.
            planned: The keys that may be asked under, in order, those of `earlier` among them.
            earlier: What was asked already, by index.
            usable: How many keys could be asked under if nothing limited it.
            note: What the report should say of the evidence.
        """
        self.target, self.fps, self.settings, self.ledger = target, fps, settings, ledger
        self.description: dict[str, Any] = target.describe()
        self._planned = list(planned)
        self._usable = usable
        self._answers = dict(earlier)
        self._ranks: dict[int, list[RankRow]] = {}
        self._pending: list[int] = []
        self._notes: list[str] = []
        self._about = [] if note is None else [note]
        self._taken = 0  # by others, after it was planned here
        self._complete = False
        self._started = time.monotonic()
        self._candidates = [1 + settings.decoys] if fps.response == "unique" else []
        # One shared response gathers no evidence, so nothing would ever stop it.
        self._sequential = settings.sequential and bool(self._candidates)

    def run(self, saver: Saver | None) -> None:
        """Ask until the evidence suffices, cannot suffice any more, or the keys are used up.

        Raises:
            TargetError: The suspect gave no usable answer at all.
            FingerprintError: Other processes spent every key.
            KeyringError: The journal cannot be written.
        """
        while batch := self._next():
            batch = self._spend(batch)
            if not batch:
                continue
            self._pending = batch
            if saver is not None:
                saver.write()  # what was sent is known even if nothing else is written
            try:
                self._ask(batch, saver)
            except TargetError as error:
                if not any(answer.error is None for answer in self._answers.values()):
                    raise
                self._notes.append(f"Asking ended early: {error}.")
                return
            if self._failing():
                return
        self._complete = not self._notes

    def report(self) -> Report:
        """What is proved so far."""
        # First: an answer that comes meanwhile stands in both; the other way it stood in none.
        pending = [index for index in self._pending if index not in self._answers]
        queries = self._queries()
        settings = self.settings
        return Report.of(
            queries,
            target=self.description,
            fps=self.fps,
            evidence="text",
            alpha=settings.alpha,
            decoys=settings.decoys,
            claim=settings.claim,
            candidates=self._candidates,
            seconds=time.monotonic() - self._started,
            how={
                "sequential": self._sequential,
                "temperature": settings.temperature,
                "max_new_tokens": settings.max_new_tokens,
                "planned": len(self._planned),
                "complete": self._complete,
                "pending": pending,
            },
            exact=self._complete and not self._sequential and len(queries) >= self._usable,
            notes=self._about + self._lost() + self._notes,
        )

    def _spend(self, batch: list[int]) -> list[int]:
        """Journal keys; those that another process spent meanwhile are planned no more."""
        free = self.ledger.spend(batch)
        taken = set(batch).difference(free)
        if taken:
            self._planned = [index for index in self._planned if index not in taken]
            self._taken += len(taken)
        if not self._planned:
            raise FingerprintError(
                "all keys of the set that were left were spent elsewhere meanwhile: verify with "
                "another set"
            )
        return free

    def _lost(self) -> list[str]:
        """What the report should say of keys that others spent meanwhile."""
        keys = "1 key was" if self._taken == 1 else f"{self._taken} keys were"
        return [f"{keys} spent elsewhere meanwhile and not asked under."] if self._taken else []

    def _next(self) -> list[int]:
        """The keys to ask under next; none when there is nothing left to gain."""
        left = [index for index in self._planned if index not in self._answers]
        batch = left[: self._worthwhile(left)]
        if batch and isinstance(self.target, ForeignTarget):
            prompts = [self.target.wording(self.fps, index) for index in batch]
            limit = self.settings.max_new_tokens
            batch = batch[: self.target.affordable(prompts, max_new_tokens=limit)]
            if not batch:
                self._notes.append("Asking ended early: the spending limit pays for no more.")
        return batch

    def _worthwhile(self, left: Sequence[int]) -> int:
        """How many keys to ask under at once.

        With stopping, no more than are needed if every one of them fires: asked together they
        cost no key that asking one by one would have saved.
        """
        if not self._sequential:
            if isinstance(self.target, ForeignTarget):
                return _AHEAD * int(getattr(self.target, "max_concurrency", 1))
            return len(left)
        gain = _core.e_process_log10([[(1, of) for of in self._candidates]])[0]
        process = [query.cumulative_log10_e for query in self._queries()]
        threshold = -math.log10(self.settings.alpha)
        if max(process, default=0.0) >= threshold:
            return 0
        missing = threshold - (process[-1] if process else 0.0)
        needed = math.ceil(missing / gain - _SLACK) if gain > 0 else len(self._planned) + 1
        hopeless_from_the_start = math.ceil(threshold / max(gain, _SLACK)) > len(self._planned)
        if needed > len(left) and not hopeless_from_the_start:
            return 0  # not even if all of them fired
        return needed

    def _ask(self, batch: Sequence[int], saver: Saver | None) -> None:
        def on_answer(place: int, answer: Answer) -> None:
            self._answers[batch[place]] = answer
            if saver is not None:
                saver.touch()

        if isinstance(self.target, ForeignTarget):
            found = self.target.ask(
                [self.target.wording(self.fps, index) for index in batch],
                max_new_tokens=self.settings.max_new_tokens,
                temperature=self.settings.temperature,
                on_answer=on_answer,
            )
            if any(answer is None for answer in found):
                # Journalled, and not sent: left out, for they cannot be told from keys sent.
                self._notes.append("Asking ended early: the spending limit pays for no more.")
                unsent = {index for index, one in zip(batch, found, strict=True) if one is None}
                self._planned = [index for index in self._planned if index not in unsent]
            self._pending = []
            return
        ask_plainly(self.target, self.fps, batch, self.settings, on_answer)
        self._pending = []

    def _failing(self) -> bool:
        """Whether to give the suspect up."""
        latest = [self._answers[i] for i in self._planned if i in self._answers][-_GIVE_UP:]
        if len(latest) < _GIVE_UP or any(answer.error is None for answer in latest):
            return False
        reason = latest[-1].error
        failed = f"the suspect failed {_GIVE_UP} times in a row ({reason})"
        if not any(answer.error is None for answer in self._answers.values()):
            raise TargetError(f"{failed}: it was asked no more")
        self._notes.append(f"Asking ended early: {failed}.")
        return True

    def _queries(self) -> list[Query]:
        answers = dict(self._answers)  # another thread may be adding to it
        indices = [index for index in self._planned if index in answers]
        label = self.settings.label or self.fps.name.encode()
        for index in indices:
            if index not in self._ranks:
                text = answers[index].text
                self._ranks[index] = (
                    ranks_by_text(self.fps, [index], [text], self.settings.decoys, label)[0]
                    if self._candidates
                    else []  # one response for all keys proves nothing
                )
        return records(
            self.fps,
            indices,
            [answers[index].text for index in indices],
            [self._ranks[index] for index in indices],
            None,
            [answers[index].asked for index in indices],
            spent=self.description.get("kind") != "local",
        )


def ask_plainly(
    target: Any,
    fps: FingerprintSet,
    indices: Sequence[int],
    settings: Settings,
    on_answer: OnAnswer,
) -> None:
    """Ask a suspect that runs here.

    Raises:
        TargetError: It does not answer every prompt with a text.
    """
    prompts = [fps[index].prompt for index in indices]
    answers = target.answers(
        prompts, max_new_tokens=settings.max_new_tokens, temperature=settings.temperature
    )
    if len(answers) != len(prompts):
        raise TargetError(f"the suspect gave {len(answers)} answers to {len(prompts)} prompts")
    for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        request = {
            "prompt": prompt,
            "max_new_tokens": settings.max_new_tokens,
            "temperature": settings.temperature,
        }
        asked: dict[str, Any] = {"time": now(), "endpoint": "local", "request": request}
        keep_raw(asked, answer)
        on_answer(place, Answer(answer[:LONGEST_ANSWER], asked))
