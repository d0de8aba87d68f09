"""`ifrs.verify`: from a suspect and a fingerprint set to a report."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, overload

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import EvidenceError, FingerprintError
from ifrs.modalities.suspect import Answer, NeverAnswers
from ifrs.prove import resuming
from ifrs.prove.asking import Asked
from ifrs.prove.inquiry import Inquiry, Plan
from ifrs.prove.ledger import NONE_LEFT, Ledger, Ring
from ifrs.prove.records import records
from ifrs.prove.report import Outcome, Report, Settings
from ifrs.prove.several import Reports, ask_each
from ifrs.prove.ways import Domains, Texts, Way, Words


@overload
def verify(
    target: Any,
    fps: FingerprintSet,
    *,
    max_queries: int | None = ...,
    alpha: float = ...,
    decoys: int = ...,
    temperature: float = ...,
    sequential: bool = ...,
    claim: str | None = ...,
    max_new_tokens: int | None = ...,
    ring: Ring = ...,
    resume: str | os.PathLike[str] | None = ...,
    questions: int | None = ...,
) -> Report: ...


@overload
def verify(
    target: Any,
    fps: Sequence[FingerprintSet],
    *,
    max_queries: int | None = ...,
    alpha: float = ...,
    decoys: int = ...,
    temperature: float = ...,
    sequential: bool = ...,
    claim: str | None = ...,
    max_new_tokens: int | None = ...,
    ring: Ring = ...,
    resume: str | os.PathLike[str] | None = ...,
    questions: int | None = ...,
) -> Reports: ...


@resuming.alone
def verify(
    target: Any,
    fps: FingerprintSet | Sequence[FingerprintSet],
    *,
    max_queries: int | None = None,
    alpha: float = 1e-6,
    decoys: int = 4095,
    temperature: float = 0.0,
    sequential: bool = True,
    claim: str | None = None,
    max_new_tokens: int | None = None,
    ring: Ring = None,
    resume: str | os.PathLike[str] | None = None,
    questions: int | None = None,
) -> Report | Reports:
    """Ask a suspect under a set's keys, and weigh what it answers.

    Where the suspect's probabilities can be seen, each word of a response is ranked among the
    whole alphabet in one teacher-forced pass, which sees a fingerprint that no longer surfaces
    in text. Otherwise each response is ranked among decoys by its fuzzy score in the answer.

    Keys are queried in the set's order, without those that the keyring's journal marks as
    spent. A key sent to a server is journalled as spent before the request leaves; a query that
    fails is recorded, counts as silent, and is not repeated. Before the first key a server is
    asked ordinary questions; a server that shows the probabilities of its tokens is asked for
    those of each word. An answer is the content, or what was thought where that is empty; one that
    ended before it began is no silence.

    Args:
        target: The suspect: an `ApiModel`, a `LocalModel`, or any object with `answers` and
            `describe`; for sets that are not for text, one with `describe` and `scores`, from keys
            to scores of all candidates (keys, candidates), or `labels`, to one label for each; or
            with `for_set`, from `fps` to such an object.
        fps: The fingerprints; several sets by a list, which gives `Reports`: each set is asked at
            its share of `alpha`, and where queries spend keys none is asked after a match.
        max_queries: The most keys to query; None for all. With fewer than all, the p-value is
            that of the e-process: whoever looks, and then asks on, gains nothing.
        alpha: The false-match rate to stay below.
        decoys: Decoys for each response where only text is seen. With more of them, fewer keys
            are needed: a key proves 1 in `decoys` + 1 at most.
        temperature: Of the generated answers; 0 for greedy.
        sequential: Stop as soon as the evidence suffices, or cannot suffice any more, where every
            query spends a key; the p-value is then that of the e-process, which holds whenever one
            stops. As many keys are queried at a time as are needed if all of them fire. A
            local model is read in one pass, which spends none, so all keys are used.
        claim: The digest of a claim, as hex, to draw decoys from; the set's name without one.
        max_new_tokens: The longest answer, in the suspect's tokens; 16 for a model at hand and 48
            for a server without one, and 32 at least for natural answers.
        ring: The keyring to journal in; the one that `fps` came from without one, and False for
            no journal.
        resume: Where suspects are asked in text, a file for the report: it is written after every
            answer, of domains when all of them were asked once more; if it is there already, what
            it holds is not asked again.
        questions: How many questions of each domain are asked, of sets of source `"domain"`: 25, 50
            or 100. Without one, 25 are asked, and more while the evidence does not suffice; the
            p-value then counts three times, and with `sequential=False` all 100 are asked. Domains
            are not spent by being asked.

    Raises:
        TargetError: The suspect does not answer.
        FingerprintError: Every key of the set is spent.
        KeyringError: Keys would be sent away and there is no open keyring to record it in, or it
            cannot be written.
        EvidenceError: `resume` is no report, one of another set, suspect or setting, or one that
            another process is writing.
        ValueError: `max_queries`, `alpha`, `decoys`, `temperature` or `questions` is out of range,
            keys are no domains and `questions` are asked, a set comes twice, or there are several
            and `claim` or `resume`, which belong to one.
    """
    if not isinstance(fps, FingerprintSet) and isinstance(fps, Sequence):
        if claim is not None or resume is not None:
            raise ValueError("claim and resume belong to one set: verify each set by itself")
        one = partial(
            verify,
            target,
            max_queries=max_queries,
            decoys=decoys,
            temperature=temperature,
            sequential=sequential,
            max_new_tokens=max_new_tokens,
            ring=ring,
            questions=questions,
        )
        for each in fps:
            _check(each, max_queries, alpha, decoys, temperature, max_new_tokens)
            _questions(each, questions, sequential)
        stops = sequential and any(Asked(target, each).spends_keys for each in fps)
        for each in fps:
            _usable(each, Ledger(each, ring, address=None).spent(), {})
        return ask_each(lambda of, level: one(of, alpha=level), fps, alpha, stops)
    _check(fps, max_queries, alpha, decoys, temperature, max_new_tokens)
    several = _questions(fps, questions, sequential)
    asked = Asked(target, fps)
    limit = max_new_tokens or max(asked.answer_tokens, fps.room)
    stops = sequential and asked.spends_keys
    settings = Settings(alpha, decoys, temperature, stops, limit, claim)
    ledger = Ledger(fps, ring, address=None if fps.is_signal else asked.address)
    likelihood, note = asked.sees_likelihoods()
    if likelihood:
        usable = _usable(fps, ledger.spent(), {})
        free = ledger.spend(_planned(usable, {}, max_queries))
        if not free:
            raise FingerprintError(NONE_LEFT)
        plan = Plan(free, {}, len(usable))
        return _by_likelihood(asked, fps, settings, plan, asked.notes + ledger.notes())
    earlier = resuming.Earlier()
    if resume is not None:
        fixed = _fixed(settings) | ({} if several is None else {"questions": _only(several)})
        earlier = resuming.read(resume, fps, asked.description, fixed)
    usable = _usable(fps, ledger.spent(), earlier.answers)
    planned = _planned(usable, earlier.answers, max_queries)
    probe, silent = earlier.probe, False
    more = several is not None and several[-1] != earlier.questions
    if len(earlier.answers) < len(planned) or more:
        try:
            probe = asked.probe()
        except NeverAnswers as reason:
            probe = reason.found
            planned, note = sorted(earlier.answers), f"{str(reason)[0].upper()}{str(reason)[1:]}."
            silent = True
        if earlier.words not in (None, asked.shown_words):
            raise EvidenceError(
                f"{resume} was begun with answers weighed by "
                f"{'likelihood' if earlier.words else 'text'}, and the server is asked otherwise "
                "this time: choose the evidence, or another file"
            )
    words = asked.shown_words if earlier.words is None else earlier.words
    way: Way
    if several is not None:
        way = Domains(asked, fps, settings, several, earlier.questions)
    elif words:
        way = Words(asked, fps, settings, words)
    else:
        way = Texts(asked, fps, settings)
    plan = Plan(planned, earlier.answers, len(usable), probe, silent)
    inquiry = Inquiry(way, ledger, plan, note)
    if resume is None:
        inquiry.run(None)
        return inquiry.report()
    saver = resuming.Saver(resume, lambda: inquiry.report().to_json())
    try:
        inquiry.run(saver)
    finally:
        saver.close()
    return inquiry.report()


def _questions(fps: FingerprintSet, wanted: int | None, stops: bool) -> list[int] | None:
    """After how many questions of each domain asking can stop; None where keys are no domains."""
    if not fps.is_signal:
        if wanted is not None:
            raise ValueError("questions belong to sets of source 'domain': leave them out")
        return None
    known = _core.signal_questions()
    if wanted is not None and wanted not in known:
        raise ValueError(f"questions must be {' or '.join(map(str, known))}, not {wanted}")
    if wanted is not None:
        return [wanted]
    return known if stops else known[-1:]


def _only(numbers: list[int]) -> int | None:
    return numbers[0] if len(numbers) == 1 else None


def _usable(fps: FingerprintSet, spent: set[int], earlier: dict[int, Answer]) -> list[int]:
    """The keys that may be queried, in order: unspent ones, and those of an earlier run."""
    usable = [index for index in range(len(fps)) if index in earlier or index not in spent]
    if not usable:
        raise FingerprintError(
            f"all {len(fps)} keys of the set are spent: keys that somebody else has seen prove "
            "nothing any more, so verify with another set"
        )
    return usable


def _planned(usable: list[int], earlier: dict[int, Answer], max_queries: int | None) -> list[int]:
    """Those of the usable keys that are queried."""
    room = len(usable) if max_queries is None else max(max_queries - len(earlier), 0)
    fresh = [index for index in usable if index not in earlier][:room]
    return sorted([*earlier, *fresh])


def _fixed(settings: Settings) -> dict[str, Any]:
    """What an earlier run must have had alike, for both to be one verification."""
    return {
        "alpha": settings.alpha,
        "decoys": settings.decoys,
        "claim": settings.claim,
        "temperature": settings.temperature,
        "max_new_tokens": settings.max_new_tokens,
    }


def _by_likelihood(
    asked: Asked,
    fps: FingerprintSet,
    settings: Settings,
    plan: Plan,
    notes: list[str],
) -> Report:
    """One pass over all planned keys, and the suspect's own answers to them."""
    started, planned = time.monotonic(), plan.planned
    answers: dict[int, Answer] = {}
    asked.answer(
        planned,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        on_answer=answers.__setitem__,
    )
    found = asked.likelihoods(planned)
    ranks = [fps.rank_scores(index, list(found.scores[i])) for i, index in enumerate(planned)]
    queries = records(
        fps,
        planned,
        [answers[place] for place in range(len(planned))],
        ranks,
        found,
        spent=asked.spends_keys,
    )
    outcome = Outcome(
        queries,
        evidence="likelihood",
        candidates=fps.candidates("likelihood", 0),
        how={
            "sequential": False,
            "temperature": settings.temperature,
            "max_new_tokens": settings.max_new_tokens,
            "planned": len(planned),
            "complete": True,
            "pending": [],
        },
        exact=len(planned) == plan.usable,
        seconds=time.monotonic() - started,
        notes=notes,
    )
    return Report.of(outcome, asked.description, fps, settings)


def _check(
    fps: FingerprintSet,
    max_queries: int | None,
    alpha: float,
    decoys: int,
    temperature: float,
    max_new_tokens: int | None,
) -> None:
    if not isinstance(fps, FingerprintSet):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    if max_queries is not None and max_queries < 1:
        raise ValueError(f"max_queries must be at least 1, not {max_queries}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if decoys < 1:
        raise ValueError(f"decoys must be at least 1, not {decoys}")
    if not temperature >= 0:
        raise ValueError(f"temperature must not be negative, not {temperature}")
    if max_new_tokens is not None and max_new_tokens < 1:
        raise ValueError(f"max_new_tokens must be at least 1, not {max_new_tokens}")
