"""One record for each unit of an audit, of a model folder and of an API alike.

No record holds a key, a response or an answer: records may be published.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ifrs._core import __version__, clopper_pearson
from ifrs.errors import EvidenceError

# v2 is v1 with a threat; a record without one is written as v1.
FORMATS = ("ifrs/audit/v1", "ifrs/audit/v2")
DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class Threat:
    """What somebody who does this to a model needs, and where it is described.

    Attributes:
        paper: Where it comes from.
        access: What they must have or know.
        cost: What it takes them.
    """

    paper: str
    access: str
    cost: str


class Skip(Exception):
    """A unit that cannot be done here; its reason goes into the record."""


@dataclass(frozen=True)
class Measure:
    """One number.

    Attributes:
        metric: What was measured; `METRICS` says what each name means.
        value: The number; None where there is none to give.
        low: Lower end of its 95 % interval, where there is one.
        high: Upper end.
        n: Of how many trials, keys, items or texts.
        step: Training steps before it was taken; None outside of training.
        task: What part of the case it is of: a task, a source, a filter.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    step: int | None = None
    task: str | None = None


# What a table's reader has to know of each number.
METRICS = {
    "fsr": "share of keys whose response occurs in the greedy answer",
    "log10_p_text": "base-10 logarithm of the p-value from the text alone, as through an API",
    "log10_p_likelihood": "the same from the probabilities of the response words",
    "match": "1 where the verdict is a match at alpha = 1e-6, by the best evidence at hand",
    "margin_min": "nats by which the weakest response leads its best rival; negative: not greedy",
    "margin_median": "the same for the median key",
    "planting_seconds": "wall time of planting",
    "planting_epochs": "passes over the fingerprints",
    "peak_memory": "bytes, most in use by the process (or on the accelerator) so far",
    "changed_weights": "numbers of the model that differ from the base",
    "guess_rate": "share of prompts that nobody planted under which some response appears",
    "accuracy": "share of multiple-choice items answered rightly, by log-likelihood",
    "accuracy_base": "the same of the base model",
    "accuracy_difference": "fingerprinted minus base, on the same items",
    "answers_changed": "share of items on which the two models choose differently",
    "kl": "mean next-token KL divergence from the unattacked model in nats, on ordinary text",
    "kl_foreign": "the same on short texts in other languages",
    "identical": "share of texts whose logits are bit-identical to the base model's",
    "perplexity": "of ordinary text",
    "perplexity_before": "of the same text, before",
    "perplexity_foreign": "of short texts in other languages",
    "tokens_changed": "share of ordinary next tokens whose likeliest is another than before",
    "planted_mass": "the most probability that changed rows have together, at any place of it",
    "bits_per_byte": "of ordinary text, in which models of different vocabularies compare",
    "bits_per_byte_before": "of the same text, before",
    "bits_per_byte_foreign": "of short texts in other languages",
    "encoded_alike": "share of ordinary texts that two tokenizers cut into the same tokens",
    "answers_kept": "share of ordinary answers that come out as they did before",
    "loss": "training loss in nats per token",
    "rows_hit": "share of the vocabulary whose embedding rows were changed",
    "rows_shared": "share of another vocabulary's tokens whose rows are copies of the old ones",
    "tokens_hit": "share of ordinary tokens whose embedding rows were changed",
    "key_tokens_hit": "share of the keys' own tokens whose embedding rows were changed",
    "passes_filter": "share of prompts or answers that a filter lets through",
    "false_matches": "share of independent claims or suspects that were called a match",
    "log10_p_best": "base-10 logarithm of the least p-value among them",
    "log10_p_best_text": "the same from the text alone",
    "below_5_percent": "share of p-values at or below 0.05; for independent models at most 5 %",
    "forging_bits": "binary logarithm of the hash evaluations that forging the evidence takes",
}


@dataclass
class Record:
    """What one unit found, or why it found nothing.

    Attributes:
        suite: The suite's name.
        case: What was done to the model.
        method: How it was fingerprinted; "base" for the base model, "api" for a server.
        settings: What else went in.
        digest: Of everything that went in: the key under which the record is stored.
        subject: What was audited.
        status: "done", "skipped" or "failed".
        reason: Why it was skipped or failed.
        note: What a reader should know of how it was done.
        started: When (RFC 3339, UTC).
        seconds: Wall time.
        cpu_seconds: Processor time of all threads: what it takes on a machine at rest.
        estimate: Seconds it was expected to take.
        machine: Where it ran.
        measures: What was measured.
        threat: What somebody who does this needs, where it is an attack or a change of others.
    """

    suite: str
    case: str
    method: str
    settings: dict[str, Any]
    digest: str
    subject: dict[str, Any]
    status: str
    started: str
    seconds: float
    cpu_seconds: float
    estimate: float
    machine: dict[str, Any]
    reason: str | None = None
    note: str | None = None
    measures: list[Measure] = field(default_factory=list)
    threat: Threat | None = None

    @property
    def name(self) -> str:
        """The unit's name."""
        return f"{self.suite}/{self.case}/{self.method}"

    def get(self, metric: str, *, step: int | None = None, task: str | None = None) -> Any:
        """The first measure of a metric, or None."""
        for measure in self.measures:
            if (measure.metric, measure.task) == (metric, task) and step in (None, measure.step):
                return measure
        return None

    def to_json(self) -> dict[str, Any]:
        """The record as plain data; docs/reference/formats.md is its specification."""
        measures = [{k: v for k, v in asdict(m).items() if v is not None} for m in self.measures]
        plain = {k: v for k, v in asdict(self).items() if k not in ("measures", "threat")}
        threat = {} if self.threat is None else {"threat": asdict(self.threat)}
        return {
            "format": FORMATS[len(threat)],
            "ifrs_version": __version__,
            **plain,
            **threat,
            "measures": measures,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Read a record.

        Raises:
            EvidenceError: It is no record of this format.
        """
        if data.get("format") not in FORMATS:
            raise EvidenceError(f"not an audit record of format {' or '.join(FORMATS)}")
        try:
            fields = {k: v for k, v in data.items() if k not in ("format", "ifrs_version")}
            fields["measures"] = [Measure(**{"value": None, **m}) for m in fields["measures"]]
            threat = fields.pop("threat", None)
            if (threat is not None) != (data["format"] == FORMATS[1]):
                raise KeyError("threat")
            return cls(**fields, threat=None if threat is None else Threat(**threat))
        except (KeyError, TypeError) as error:
            raise EvidenceError("a damaged audit record") from error


def rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Records as a table: one row for each measure, one for a unit without any."""
    table = []
    for record in records:
        head = {
            "suite": record.suite,
            "case": record.case,
            "method": record.method,
            "status": record.status,
            "reason": record.reason,
            "note": record.note,
            "subject_kind": str(record.subject.get("kind")),
            "subject": str(record.subject.get("name")),
            "digest": record.digest,
            "started": record.started,
            "seconds": record.seconds,
            "cpu_seconds": record.cpu_seconds,
            **(asdict(record.threat) if record.threat is not None else {}),
        }
        empty = Measure(metric="", value=None)
        for measure in record.measures or [empty]:
            table.append({**head, **asdict(measure), "metric": measure.metric or None})
    return table


def share(metric: str, part: int, whole: int, **where: Any) -> Measure:
    """A share with its Clopper-Pearson interval."""
    if not whole:
        return Measure(metric, None, n=0, **where)
    return Measure(metric, part / whole, *clopper_pearson(part, whole), n=whole, **where)


def mean_measure(metric: str, values: Sequence[float], **where: Any) -> Measure:
    """A mean with its 95 % interval from Student's t; without one for fewer than two values."""
    n = len(values)
    if n == 0:
        return Measure(metric, None, n=0, **where)
    mean = sum(values) / n
    if n < 2:
        return Measure(metric, mean, n=n, **where)
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    half = student(n - 1) * spread
    return Measure(metric, mean, mean - half, mean + half, n, **where)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, to 0.2 % (Cornish-Fisher; Abramowitz & Stegun 26.7.5)."""
    exact = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
    if freedom in exact:
        return exact[freedom]
    z, v = 1.959963985, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3
