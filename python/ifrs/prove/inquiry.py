"""Asking a suspect key after key, until the evidence suffices."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ifrs import _core
from ifrs.errors import FingerprintError, TargetError
from ifrs.modalities.suspect import Answer
from ifrs.prove.ledger import NONE_LEFT, Ledger
from ifrs.prove.records import Query, RankRow, records
from ifrs.prove.report import Outcome, Report
from ifrs.prove.resuming import Saver
from ifrs.prove.ways import PAYS_NO_MORE, Way

# A suspect that fails so often in a row gets no more keys.
_GIVE_UP = 3
# Where no evidence decides when to stop, so many keys for each request in flight are journalled
# together: fewer writings of the keyring, and few keys lost where asking is cut off.
_AHEAD = 4
_SLACK = 1e-9  # of sums of logarithms


@dataclass(frozen=True)
class Plan:
    """Under which keys a suspect is asked.

    Attributes:
        planned: The keys that may be queried, in order, those of `earlier` among them.
        earlier: What was asked already, by index.
        usable: How many keys could be queried if nothing limited it.
        probe: What a probe found before; None without one.
        silent: Whether the suspect never answers, so that no more is asked.
    """

    planned: list[int]
    earlier: dict[int, Answer]
    usable: int
    probe: dict[str, Any] | None = None
    silent: bool = False


def _either(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}"


class Inquiry:
    """What is planned, what came back, and what that proves so far."""

    def __init__(self, way: Way, ledger: Ledger, plan: Plan, note: str | None = None) -> None:
        """Prepare to ask."""
        self.way, self.ledger = way, ledger
        self.asked, self.fps, self.settings = way.asked, way.fps, way.settings
        self._probe, self._silent = plan.probe, plan.silent
        self._planned = list(plan.planned)
        self._usable = plan.usable
        self._answers = dict(plan.earlier)
        self._ranks: dict[int, list[RankRow]] = {}
        # Held while answers and their ranks change together.
        self._whole = threading.Lock()
        self._pending: list[int] = []
        self._notes: list[str] = []
        self._about = [*self.asked.notes, *([] if note is None else [note])]
        # Whether all that was planned was done; and whether every key was asked, if about less.
        self._complete = self._everything = False
        self._started = time.monotonic()
        # One shared response gathers no evidence, so nothing would ever stop it.
        self._sequential = self.settings.sequential and bool(way.candidates)

    def run(self, saver: Saver | None) -> None:
        """Ask until the evidence suffices, cannot suffice any more, or the keys are used up.

        Raises:
            TargetError: The suspect gave no usable answer at all.
            FingerprintError: Other processes spent every key.
            KeyringError: The journal cannot be written.
        """
        self._ask_all(saver)
        while self._may_go_on() and self.report().verdict != "match":
            self._complete = False  # until this is answered, too
            try:
                whole = self.way.ask_further(self._answers)
            except TargetError as error:
                self._notes.append(f"Asking ended early: {error}.")
                return
            with self._whole:
                self._answers, self._ranks = {**self._answers, **whole}, {}
                self._complete = True
            if not whole:
                return
            if saver is not None:
                saver.touch()

    def _ask_all(self, saver: Saver | None) -> None:
        """Ask under every key that is planned and worthwhile."""
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
        self._complete = self._everything = not self._notes

    def _may_go_on(self) -> bool:
        """Whether more can be asked of a suspect that answered so far."""
        return self._complete and not self._silent and self.way.goes_on

    def report(self) -> Report:
        """What is proved so far."""
        # First: an answer that comes meanwhile stands in both; the other way it stood in none.
        pending = [index for index in self._pending if index not in self._answers]
        queries = self._queries()
        settings = self.settings
        outcome = Outcome(
            queries,
            evidence=self.way.evidence,
            candidates=self.way.candidates,
            how={
                "sequential": self._sequential,
                "temperature": None if self._samples() else settings.temperature,
                "max_new_tokens": settings.max_new_tokens,
                "planned": len(self._planned),
                "complete": self._complete,
                "pending": pending,
                **({} if self._probe is None else {"probe": self._probe}),
                **({} if self.way.words is None else {"words": self.way.words}),
                **self._of_domains(queries),
            },
            exact=self._everything and not self._sequential and len(queries) >= self._usable,
            seconds=time.monotonic() - self._started,
            notes=self._about + self.ledger.notes() + self._notes + self._of_answers(queries),
        )
        return Report.of(outcome, self.asked.description, self.fps, settings)

    def _of_domains(self, queries: Sequence[Query]) -> dict[str, Any]:
        """How many questions of each domain were asked, and how many numbers could have been."""
        if not self.way.questions:
            return {}
        # Of these answers: the way may be a look ahead of them.
        asked = max((1 + len(query.further) for query in queries), default=self.way.questions)
        return {"questions": asked, "looks": self.way.looks}

    def _samples(self) -> bool:
        return self.asked.samples and self.settings.temperature == 0

    def _of_answers(self, queries: Sequence[Query]) -> list[str]:
        """What a reader should know of the answers."""
        notes = []
        if self.way.looks > 1:
            asked = self._of_domains(queries)["questions"]
            notes.append(
                f"Asking could stop after {_either(_core.signal_questions())} questions of each "
                f"domain: the p-value is {self.way.looks} times that of the {asked} asked."
            )
        if self._samples():
            notes.append(
                "The server refuses temperature 0: its answers are drawn at random, and no bundle "
                "can be made of them."
            )
        cut = sum(query.cut_off for query in queries)
        if cut:
            notes.append(
                f"{cut} of {len(queries)} answers ended, or were withheld, before they began: they "
                "are no silence, and speak for nobody."
            )
        return notes

    def _spend(self, batch: list[int]) -> list[int]:
        """Journal keys; those that another process spent meanwhile are planned no more."""
        free = self.ledger.spend(batch)
        taken = set(batch).difference(free)
        self._planned = [index for index in self._planned if index not in taken]
        if not self._planned:
            raise FingerprintError(NONE_LEFT)
        return free

    def _next(self) -> list[int]:
        """The keys to query next; none when there is nothing left to gain."""
        left = [index for index in self._planned if index not in self._answers]
        batch = left[: self._worthwhile(left)]
        if batch:
            batch = batch[: self.way.affordable(batch)]
            if not batch:
                self._notes.append(f"Asking ended early: {PAYS_NO_MORE}.")
        return batch

    def _worthwhile(self, left: Sequence[int]) -> int:
        """How many keys to query at once.

        With stopping, no more than are needed if every one of them fires: asked together they
        cost no key that asking one by one would have saved.
        """
        if not self._sequential:
            at_once = self.asked.max_concurrency
            return len(left) if at_once is None else _AHEAD * at_once
        gain = _core.e_process_log10([[(1, of) for of in self.way.candidates]])[0]
        process = [query.cumulative_log10_e for query in self._queries()]
        threshold = -math.log10(self.settings.alpha)
        best, last = max(process, default=0.0), process[-1] if process else 0.0
        if best >= self.way.goal:
            return 0

        def until(goal: float) -> int:
            return math.ceil((goal - last) / gain - _SLACK) if gain > 0 else len(self._planned) + 1

        hopeless_from_the_start = math.ceil(threshold / max(gain, _SLACK)) > len(self._planned)
        if best < threshold and until(threshold) > len(left) and not hopeless_from_the_start:
            return 0  # not even if all of them fired
        if self.asked.thinks and not process:
            return 1  # the first shows whether thoughts come to an answer
        return until(self.way.goal)

    def _ask(self, batch: Sequence[int], saver: Saver | None) -> None:
        def on_answer(place: int, answer: Answer) -> None:
            self._answers[batch[place]] = answer
            if saver is not None:
                saver.touch()

        found = self.way.ask(batch, on_answer)
        if any(answer is None for answer in found):
            # Journalled, and not sent: left out, for they cannot be told from keys sent.
            self._notes.append(f"Asking ended early: {PAYS_NO_MORE}.")
            unsent = {index for index, one in zip(batch, found, strict=True) if one is None}
            self._planned = [index for index in self._planned if index not in unsent]
        self._pending = []

    def _failing(self) -> bool:
        """Whether to give the suspect up."""
        if self._answers and all(answer.cut_off for answer in self._answers.values()):
            best = max((query.cumulative_log10_e for query in self._queries()), default=0.0)
            if best <= 0:  # nothing of a response in the thoughts, either
                self._notes.append(
                    "Asking ended early: no answer begins (thoughts, white space, or a filter); "
                    f"{self.way.on_thoughts}."
                )
                return True
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
        with self._whole:
            # Another thread may be adding to it.
            answers, ranks = dict(self._answers), self._ranks
        indices = [index for index in self._planned if index in answers]
        for index in indices:
            if index not in ranks:
                ranks[index] = self.way.rank(index, answers[index])
        return records(
            self.fps,
            indices,
            [answers[index] for index in indices],
            [ranks[index] for index in indices],
            None,
            spent=self.asked.spends_keys,
            looks=self.way.looks,
        )
