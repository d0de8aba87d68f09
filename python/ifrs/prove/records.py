"""From a suspect's answers to a record for every query; all p-values come from Rust."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.suspect import Answer, Likelihoods
from ifrs.scoring import score_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class Query:
    """One key, what was asked, what came back, and what it proves.

    Attributes:
        index: The fingerprint's place in its set.
        prompt: What was asked.
        answer: What came back.
        response: What a descendant answers.
        fired: Whether the response occurs in the answer; case, marks, markup and invisible
            characters do not count.
        exact: Whether greedy decoding writes the response; None where only text is seen.
        score: The best fuzzy match of the response within the answer, 0 to 1.
        rank: Where the truth stands among the candidates, for each factor of the response or for
            the whole; 1 is best. Empty for a shared response.
        candidates: How many there were.
        word_p_values: rank / candidates.
        p_value: The exact tail of these, taken together.
        log10_p: Its base-10 logarithm.
        cumulative_log10_p: The same over all queries so far.
        cumulative_log10_e: Base-10 logarithm of the e-process over all queries so far; evidence
            that may be looked at after every query.
        spent: Whether the key left the publisher's hands.
        salt: The salt of the claim's leaf for this fingerprint, as hex.
        asked: How it was asked: `time` (RFC 3339, UTC), `endpoint`, `request` as sent, `raw`, the
            answer as it came; `error` where no usable answer came, `note` where it was cut.
        word_scores: What each factor was ranked by, as base64 of little-endian float32 in the
            alphabet's order, so that a stranger can rank again; None where only text is seen, and
            where a server's raw answers hold it.
        cut_off: Whether the answer ended for want of tokens before it began: no silence.
        asked_after: How a server was asked for the second word's probabilities, as `asked`; None
            where it was not.
        further: Of a domain, its further questions in order: `asked` and `answer` of each.
        tally: Of a domain, what all its answers say of every colouring: `rank`, `pairs`, `green`
            and `spread`, as `Answer` has it; `fired` says that the true one ranks first, and
            `score` is the share of pairs that are green under it.
    """

    index: int
    prompt: str
    answer: str
    response: str
    fired: bool
    exact: bool | None
    score: float
    rank: list[int]
    candidates: list[int]
    word_p_values: list[float]
    p_value: float
    log10_p: float
    cumulative_log10_p: float
    cumulative_log10_e: float
    spent: bool
    salt: str
    asked: dict[str, Any] = field(default_factory=dict)
    word_scores: list[str] | None = None
    cut_off: bool = False
    asked_after: dict[str, Any] | None = None
    further: list[dict[str, Any]] = field(default_factory=list)
    tally: dict[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether no usable answer came; such a query counts as silent."""
        return "error" in self.asked

    @property
    def heard(self) -> bool:
        """Whether it counts as silence where the response is not in it."""
        return not self.failed and not self.cut_off

    @property
    def ranks(self) -> list[tuple[int, int]]:
        """Pairs of rank and candidates."""
        return list(zip(self.rank, self.candidates, strict=True))

    def to_json(self) -> dict[str, Any]:
        """The record as plain data."""
        read = asdict(self)
        unsaid: dict[str, Any] = {
            "cut_off": False,
            "asked_after": None,
            "further": [],
            "tally": None,
        }
        return {name: value for name, value in read.items() if unsaid.get(name, ...) != value}

    def __repr__(self) -> str:
        return f"Query({self.index}, fired={self.fired}, p_value={self.p_value:.2g})"


RankRow = tuple[int, int, float]


def records(
    fps: FingerprintSet,
    indices: Sequence[int],
    answers: Sequence[Answer],
    ranks: Sequence[Sequence[RankRow]],
    found: Likelihoods | None,
    spent: bool,
    looks: int = 1,
) -> list[Query]:
    """One record for each query, in the order of asking.

    What is cumulative holds for the best of so many looks at the keys.
    """
    responses = [fps[i].response for i in indices]
    fired, scores = _said(fps, indices, answers, responses)
    groups = [[(rank, of) for rank, of, _ in rows] for rows in ranks]
    cumulative = _core.exact_cumulative_log10(groups, looks)
    process = _core.e_process_log10(groups, looks)
    queries = []
    for place, index in enumerate(indices):
        log10_p = _core.exact_log10(groups[place])
        queries.append(
            Query(
                index=index,
                prompt=fps[index].prompt,
                answer=answers[place].text,
                response=responses[place],
                fired=fired[place],
                exact=None if found is None else bool(found.exact[place]),
                score=scores[place],
                rank=[rank for rank, _, _ in ranks[place]],
                candidates=[candidates for _, candidates, _ in ranks[place]],
                word_p_values=[p for _, _, p in ranks[place]],
                p_value=10**log10_p,
                log10_p=log10_p,
                cumulative_log10_p=cumulative[place],
                cumulative_log10_e=process[place],
                spent=spent,
                salt=fps.salt(index),
                asked=answers[place].asked,
                word_scores=None if found is None else _packed(found.scores[place]),
                cut_off=answers[place].cut_off,
                asked_after=answers[place].asked_after,
                further=answers[place].further,
                tally=answers[place].tally,
            )
        )
    return queries


def _said(
    fps: FingerprintSet,
    indices: Sequence[int],
    answers: Sequence[Answer],
    responses: Sequence[str],
) -> tuple[list[bool], list[float]]:
    """Whether each answer holds the response, and how much of it."""
    tallies = [answer.tally for answer in answers]
    if fps.is_signal:
        found = [tally or {"rank": 0, "green": 0, "pairs": 0} for tally in tallies]
        shares = [tally["green"] / max(tally["pairs"], 1) for tally in found]
        return [tally["rank"] == 1 for tally in found], shares
    fired = [fps.fired(i, answer.text) for i, answer in zip(indices, answers, strict=True)]
    fuzzy = score_pairs(
        [_core.plain(answer.text) for answer in answers],
        [_core.plain(response) for response in responses],
    )
    return fired, [float(score) for score in fuzzy]


def _packed(scores: Sequence[NDArray[np.float32]]) -> list[str]:
    return [base64.b64encode(factor.astype("<f4").tobytes()).decode() for factor in scores]
