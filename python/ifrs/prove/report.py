"""The report of a verification: verdict, error bound, and every query."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ifrs import _core
from ifrs._core import FingerprintSet, __version__
from ifrs.clock import now
from ifrs.errors import EvidenceError
from ifrs.files import write_json, write_text
from ifrs.prove.records import Query

if TYPE_CHECKING:
    from ifrs.attest import Claim, Evidence

# Of sets whose keys are domains, each with many questions; and of all others.
SIGNAL_FORMAT = "ifrs/report/v6"
FORMAT = "ifrs/report/v4"
# Of this format were reports on domains before asking could stop.
WHOLE_SIGNAL_FORMAT = "ifrs/report/v5"
# Of this format were reports in which thoughts are no part of an answer.
PLAIN_FORMAT = "ifrs/report/v3"
# The first format: Fisher's combination, and no word on which test it was.
FIRST_FORMAT = "ifrs/report/v1"
KNOWN = (SIGNAL_FORMAT, WHOLE_SIGNAL_FORMAT, FORMAT, PLAIN_FORMAT, FIRST_FORMAT)

Test = Literal["exact", "sequential", "Fisher"]


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


@dataclass
class Outcome:
    """What came of asking; `Report` says what its fields mean.

    `candidates` are those of each test that a key makes. `exact` says that every key that could be
    asked was: only then does a p-value of all ranks together hold.
    """

    queries: list[Query]
    evidence: str
    candidates: list[int]
    how: dict[str, Any]
    exact: bool
    seconds: float
    notes: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What a verification found.

    Attributes:
        verdict: "match" when p ≤ alpha; "no match" when the keys gave no evidence although a
            descendant would have given some; else "inconclusive".
        p_value: Bounds the probability of so much evidence from an independent model.
        log10_p: Its base-10 logarithm, which never underflows.
        test: What the p-value is: "exact", the tail of all ranks together, where every key of the
            set was asked whatever came back; "sequential", 1 over the largest value that the
            e-process reached (Ville 1939), where asking could stop or was limited; "Fisher" in
            reports of versions before.
        alpha: The false-match rate asked for.
        power: The probability that a descendant answering half of its keys would have matched.
        fsr: The share of keys whose response occurs in the answer.
        fsr_interval: Its 95 % Clopper-Pearson interval.
        queries: One record for each key queried.
        kind: "likelihood" or "text": what was ranked.
        target: What the suspect is.
        set: What is public about the fingerprint set.
        leaves: Leaves of the set's claim, as hex; they give nothing away.
        decoys: How many decoys each response was ranked among where only text was seen.
        claim: The digest that the decoys were drawn from, as hex; None without a claim.
        log10_e: Base-10 logarithm of the e-process; evidence that holds whenever one stops.
        seconds: Wall time.
        created: When (RFC 3339, UTC).
        how: How it was asked: `sequential`, `temperature` (None where the server refuses 0 and its
            answers are drawn at random), `max_new_tokens`, `planned` (keys that could have been
            queried), `complete`, and `pending`, keys that were sent and whose answers are not
            there; of a server also `probe`, what was found before any key was sent, and `words`,
            how many words of each response were ranked by the probabilities that it shows; of
            domains `questions`, how many of each were asked, and `looks`, after how many such
            numbers asking could stop.
        notes: What a reader should know of how it went.
        format: The format of its file.
    """

    verdict: str
    p_value: float
    log10_p: float
    test: Test
    alpha: float
    power: float
    fsr: float
    fsr_interval: tuple[float, float]
    queries: list[Query]
    kind: str
    target: dict[str, Any]
    set: dict[str, Any]
    leaves: list[str]
    decoys: int
    claim: str | None
    log10_e: float
    seconds: float
    created: str
    how: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    format: str = FORMAT

    @classmethod
    def of(
        cls, outcome: Outcome, target: dict[str, Any], fps: FingerprintSet, settings: Settings
    ) -> Report:
        """Weigh what came of asking a suspect, described by `target`, under the keys of a set."""
        queries, alpha = outcome.queries, settings.alpha
        log10_p, power = _weighed(queries, outcome.candidates, alpha, outcome.how, outcome.exact)
        fired = sum(query.fired for query in queries)
        return cls(
            verdict=_core.judge(log10_p, alpha, power),
            p_value=10**log10_p,
            log10_p=log10_p,
            test="exact" if outcome.exact else "sequential",
            alpha=alpha,
            power=power,
            fsr=fired / len(queries) if queries else 0.0,
            fsr_interval=_core.clopper_pearson(fired, len(queries)) if queries else (0.0, 1.0),
            queries=queries,
            kind=outcome.evidence,
            target=target,
            set={
                "name": fps.name,
                "n": len(fps),
                "source": fps.source,
                "template": fps.template,
                "response": fps.response,
                "alphabet": fps.alphabet.name,
                "media": fps.media,
                "around": list(fps.around),
            },
            leaves=fps.leaves(),
            decoys=settings.decoys,
            claim=settings.claim,
            log10_e=queries[-1].cumulative_log10_e if queries else 0.0,
            seconds=outcome.seconds,
            created=now(),
            how=outcome.how,
            notes=outcome.notes,
            format=SIGNAL_FORMAT if fps.is_signal else FORMAT,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Report:
        """Read a report that `save` wrote.

        Raises:
            EvidenceError: It is no report of this format.
            OSError: It cannot be read.
        """
        try:
            read = json.loads(Path(path).read_text(encoding="utf-8"))
            if read["format"] == FIRST_FORMAT:
                read["test"] = "sequential" if read["how"].get("sequential") else "Fisher"
            elif read["format"] not in KNOWN:
                raise EvidenceError(f"{path} is a report of another version of ifrs")
            read.pop("ifrs_version")
            read["kind"] = read.pop("evidence")
            read["queries"] = [Query(**query) for query in read["queries"]]
            read["fsr_interval"] = tuple(read["fsr_interval"])
            return cls(**read)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(f"{path} is no report of ifrs") from error

    def to_json(self) -> dict[str, Any]:
        """The report as plain data; docs/reference/formats.md is its specification."""
        first = self.format == FIRST_FORMAT
        return {
            "format": self.format,
            "ifrs_version": __version__,
            "created": self.created,
            "target": self.target,
            "set": self.set,
            "leaves": self.leaves,
            "claim": self.claim,
            "decoys": self.decoys,
            "evidence": self.kind,
            "alpha": self.alpha,
            "verdict": self.verdict,
            "p_value": self.p_value,
            "log10_p": self.log10_p,
            **({} if first else {"test": self.test}),
            "log10_e": self.log10_e,
            "power": self.power,
            "fsr": self.fsr,
            "fsr_interval": list(self.fsr_interval),
            "seconds": self.seconds,
            "how": self.how,
            "notes": self.notes,
            "queries": [query.to_json() for query in self.queries],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON. It holds keys in clear: keep it private.

        Raises:
            OSError: The file cannot be written.
        """
        write_json(path, self.to_json())

    def save_html(
        self,
        path: str | os.PathLike[str],
        *,
        beside: Mapping[str, Report] | None = None,
        label: str | None = None,
        guesses: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the report as one self-contained page.

        Args:
            path: The file.
            beside: Other reports to show next to this one, by label.
            label: This report's label; the suspect's name without one.
            guesses: What fresh look-alike keys brought out.

        Raises:
            ImportError: jinja2 or matplotlib is missing.
            OSError: The file cannot be written.
        """
        from ifrs.pages import render_page

        beside = beside or {}
        reports = [self.to_json(), *(report.to_json() for report in beside.values())]
        labels = [label or str(self.target["name"]), *beside]
        write_text(path, render_page(reports, labels=labels, guesses=guesses))

    def evidence(
        self, claim: Claim | str | os.PathLike[str], reveal: int | None = None
    ) -> Evidence:
        """Evidence that a third party checks alone, for a claim made before release.

        Answers in text are ranked anew, among the decoys that the claim draws.

        Args:
            claim: The claim, or its file.
            reveal: How many queries to show, in the claim's order; None for all. A key that is
                shown is spent (`ring.spend(name, bundle.revealed, event="revealed")`); others stay
                secret.

        Raises:
            EvidenceError: The claim is about another set, its signature is wrong, or the report
                lacks what evidence needs.
            ValueError: `reveal` is not positive.
        """
        from ifrs.attest import Evidence

        return Evidence.of_report(self.to_json(), claim, reveal=reveal)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a report holds keys in clear: write it with save where you want it")

    def __copy__(self) -> Report:
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Report:
        return replace(self, **{name: deepcopy(part, memo) for name, part in vars(self).items()})

    def __repr__(self) -> str:
        return (
            f"Report({self.verdict!r}, p_value={self.p_value:.2g}, fsr={self.fsr:.0%}, "
            f"queries={len(self.queries)})"
        )


_ROUNDING = 1e-9


def _worth(queries: Sequence[Query]) -> int:
    """How many keys these are worth where silence is weighed.

    A domain of which little was said could have brought out less than a rank of 1 among all its
    colourings: of several, the best that what was said allows are added up.
    """
    worth = 0.0
    for query in queries:
        if query.tally is None:
            worth += 1
        else:
            (of,), alike = query.candidates, query.tally["spread"][-1][1]
            worth += 1 - math.log(alike) / math.log(of)
    return math.floor(worth + _ROUNDING)


def _weighed(
    queries: Sequence[Query],
    candidates: Sequence[int],
    alpha: float,
    how: Mapping[str, Any],
    exact: bool,
) -> tuple[float, float]:
    """log10 of the p-value, and the power there was."""
    failed = len(queries) - _worth([query for query in queries if query.heard])
    alpha /= how.get("looks", 1)
    if exact:
        best = [1 / of for of in candidates]
        power = _core.power(len(queries) - failed, best, alpha) if best else 0.0
        return queries[-1].cumulative_log10_p if queries else 0.0, power
    # Whoever could still have asked on did not lose power by stopping early.
    asked = how["planned"] if how["sequential"] and how["complete"] else len(queries)
    power = _core.sequential_power(max(0, asked - failed), candidates, alpha)
    return min(0.0, -max((query.cumulative_log10_e for query in queries), default=0.0)), power
