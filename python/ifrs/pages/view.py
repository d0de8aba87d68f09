"""From report mappings to what the template shows: plain records of ready text.

The template decides nothing; every number is already words and every choice already made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ifrs.pages import words
from ifrs.pages.alphabets import wording
from ifrs.pages.challenges import shown
from ifrs.pages.spread import drawn

FORMATS = tuple(f"ifrs/report/{version}" for version in ("v6", "v5", "v4", "v3", "v1"))
_BASES = {
    "exact": "the exact tail of all ranks together",
    "sequential": "the e-process’s, valid whenever one stops",
    "Fisher": "Fisher’s",
}
_LONG_PROMPT = 96  # characters; a longer prompt is folded
_FOLDED = 56  # characters of it that stay in sight
_LONGEST_RAW = 4_000  # characters of a raw answer; the report's JSON holds all of it
_NONE = "–"


@dataclass(frozen=True)
class Verdict:
    """The words of one verdict; `tone` names its colours in the style sheet."""

    tone: str
    word: str
    sentence: str


VERDICTS = {
    "match": Verdict("match", "Match", "this model descends from the publisher’s."),
    "no match": Verdict(
        "none", "No match", "no sign that this model descends from the publisher’s."
    ),
    "inconclusive": Verdict("open", "Inconclusive", "too little evidence to decide either way."),
}
EVIDENCE = ("likelihood", "text")
# What came before reports said their keys' media type.
_MEDIA = {
    "image": "image/x-portable-pixmap",
    "observation": "application/x-npy",
    "sound": "audio/wav",
    "image+text": "application/x-image-text",
}


@dataclass(frozen=True)
class Text:
    """A prompt or an answer; `head` is what stays in sight of a folded one.

    A key that is no text has `markup` instead. `points` names letters that a system may not draw.
    """

    full: str
    head: str | None = None
    markup: Any = None
    points: str = ""


@dataclass(frozen=True)
class Fact:
    """One line of a verdict card."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """What passed between us and a server."""

    when: str
    endpoint: str
    request: str
    raw: str


@dataclass(frozen=True)
class Row:
    """One query."""

    index: str
    prompt: Text
    answer: Text
    response: Text
    fired: bool
    score: str
    ranks: tuple[str, ...]
    p_value: str
    e_value: str
    problem: str
    asked: Asked | None
    spread: Any = None
    further: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Card:
    """One report: its verdict, its facts, its queries."""

    anchor: str
    series: int
    label: str
    verdict: Verdict
    chance: str
    p_value: str
    fsr: str
    fsr_interval: str
    asked: int
    fired: int
    spent: int
    facts: tuple[Fact, ...]
    shared: bool
    notices: tuple[str, ...]
    basis: str
    created: str
    version: str
    media: str
    written: bool
    candidates: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Guesses:
    """Keys nobody planted: how many were tried, how many fired, and some of them."""

    asked: int
    fired: int
    rate: str
    interval: str
    samples: tuple[tuple[Text, Text], ...]


def cards(reports: Sequence[Mapping[str, Any]], labels: Sequence[str] | None) -> tuple[Card, ...]:
    """One card for each report; ValueError says what a report lacks, never what it holds."""
    names = [_label(r) for r in reports] if labels is None else list(labels)
    if len(names) != len(reports):
        raise ValueError(f"{len(names)} labels for {len(reports)} reports")
    return tuple(_card(k, r, name) for k, (r, name) in enumerate(zip(reports, names, strict=True)))


def guesses(found: Mapping[str, Any]) -> Guesses:
    """The section on keys nobody planted."""
    low, high = found["interval"]
    return Guesses(
        asked=int(found["asked"]),
        fired=int(found["fired"]),
        rate=words.percent(words.finite(found["rate"], "rate")),
        interval=words.interval((float(low), float(high))),
        samples=tuple((_prompt(s["prompt"]), _text(s["answer"])) for s in found.get("samples", ())),
    )


def require_format(report: Mapping[str, Any]) -> None:
    """Refuse a report of a format that this reader does not know."""
    if report.get("format") not in FORMATS:
        raise ValueError(f"not a report of format {FORMATS[0]} or {FORMATS[1]}")
    if report["verdict"] not in VERDICTS or report["evidence"] not in EVIDENCE:
        raise ValueError("a verdict or a kind of evidence that this version does not know")


def _label(report: Mapping[str, Any]) -> str:
    return str(report["target"]["name"])


def _card(number: int, report: Mapping[str, Any], label: str) -> Card:
    log10_p = words.finite(report["log10_p"], "log10_p")
    queries, media = report["queries"], _media(report["set"])
    return Card(
        anchor=f"report-{number + 1}",
        series=number,
        label=label,
        verdict=VERDICTS[report["verdict"]],
        chance=words.chance(log10_p),
        p_value=words.p_value(log10_p),
        fsr=words.percent(words.finite(report["fsr"], "fsr")),
        fsr_interval=words.interval(_bounds(report["fsr_interval"])),
        asked=len(queries),
        fired=sum(bool(q["fired"]) for q in queries),
        spent=sum(bool(q.get("spent")) for q in queries),
        facts=_facts(report, log10_p),
        shared=report["set"]["response"] == "shared",
        notices=_notices(report),
        basis=_BASES[_test(report)],
        created=str(report["created"]),
        version=str(report["ifrs_version"]),
        media=media,
        written=media.startswith("text/"),
        candidates=_candidates(queries),
        rows=tuple(_row(q, media) for q in queries),
    )


def _candidates(queries: Sequence[Mapping[str, Any]]) -> int:
    """Of how many a rank is, for an example."""
    found = (of for query in queries for of in query.get("candidates") or ())
    return int(next(found, 2048))


def _test(report: Mapping[str, Any]) -> str:
    """What the p-value is; the first reports say only whether asking could stop."""
    return str(report.get("test") or ("sequential" if _stops(report) else "Fisher"))


def _stops(report: Mapping[str, Any]) -> bool:
    return bool(report.get("how", {}).get("sequential"))


def _notices(report: Mapping[str, Any]) -> tuple[str, ...]:
    how, found = report.get("how", {}), [str(note) for note in report.get("notes", ())]
    if not how.get("complete", True):
        found.append("This verification was not finished: more keys could have been queried.")
    if pending := how.get("pending"):
        found.append(f"Keys sent whose answers are not here: {len(pending)}.")
    return tuple(found)


def _bounds(pair: Sequence[Any]) -> tuple[float, float]:
    low, high = pair
    return words.finite(low, "interval"), words.finite(high, "interval")


def _facts(report: Mapping[str, Any], log10_p: float) -> tuple[Fact, ...]:
    target, fingerprints = report["target"], report["set"]
    origin = _joined(target.get("kind"), target.get("dtype"), target.get("device"))
    recipe = _joined(
        f"{fingerprints['n']} keys",
        fingerprints.get("source"),
        fingerprints.get("template"),
        f"{fingerprints['response']} responses",
    )
    method, detail = _method(report)
    took = report.get("seconds")
    duration = "" if took is None else f"took {words.duration(float(took))}"
    return (
        Fact("Model asked", str(target["name"]), origin),
        Fact("Fingerprint set", str(fingerprints["name"]), recipe),
        Fact("Method", method, detail),
        *_stopping(report),
        *_strength(report, log10_p),
        Fact("Date", words.moment(str(report["created"])), duration),
    )


def _media(fingerprints: Mapping[str, Any]) -> str:
    found = fingerprints.get("media") or _MEDIA.get(str(fingerprints.get("source")))
    return str(found or "text/plain")


def _method(report: Mapping[str, Any]) -> tuple[str, str]:
    """How answers were weighed, in a word and in a sentence."""
    alphabet = report["set"].get("alphabet")
    found = wording(alphabet)
    if report["evidence"] == "likelihood":
        detail = f"the model’s own {found.scores} rank each {found.one} of the response"
        return "Likelihood" if found.scores == "probabilities" else "Scores", detail
    written = found.scores == "probabilities"
    return ("Text" if written else "Answers"), found.read


def _stopping(report: Mapping[str, Any]) -> tuple[Fact, ...]:
    if not _stops(report):
        return ()
    asked, planned = len(report["queries"]), report["how"]["planned"]
    note = "asking stops when the evidence suffices or cannot suffice any more"
    return (Fact("Keys queried", f"{asked} of {planned}", note),)


def _strength(report: Mapping[str, Any], log10_p: float) -> tuple[Fact, ...]:
    alpha = words.finite(report["alpha"], "alpha")
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1")
    facts = [Fact("Threshold α", words.threshold(alpha), "a match needs a p-value this small")]
    if report["verdict"] == "match":
        cost = f"{words.bits(log10_p)} bits"
        facts.append(Fact("Cost of forging", cost, "hash evaluations, as a power of two"))
    elif report.get("power") is not None:
        power = words.percent(words.finite(report["power"], "power"))
        facts.append(Fact("Power", power, "chance that a descendant would have matched"))
    return tuple(facts)


def _row(query: Mapping[str, Any], media: str) -> Row:
    log10_p, score = query.get("log10_p"), query.get("score")
    pairs = zip(query.get("rank") or (), query.get("candidates") or (), strict=True)
    return Row(
        index=str(query["index"]),
        prompt=_prompt(query["prompt"], media),
        answer=_text(query["answer"]),
        response=_text(query["response"]),
        fired=bool(query["fired"]),
        score=_NONE if score is None else words.number(words.finite(score, "score")),
        ranks=tuple(f"{rank:,} of {candidates:,}" for rank, candidates in pairs),
        p_value=_NONE if log10_p is None else words.p_value(words.finite(log10_p, "log10_p")),
        e_value=_e_value(query.get("cumulative_log10_e")),
        problem=_problem(query),
        asked=_asked(query, media),
        spread=_spread(query),
        further=tuple((_question(one), str(one["answer"])) for one in query.get("further") or ()),
    )


def _spread(query: Mapping[str, Any]) -> Any:
    """Where a domain's true colouring stands among all; None where a key is no domain."""
    tally = query.get("tally")
    return None if tally is None else drawn(tally["pairs"], tally["green"], tally["spread"])


def _question(exchange: Mapping[str, Any]) -> str:
    """What a further question of a domain asked."""
    request = exchange["asked"]["request"]
    messages = request.get("messages")
    return str(messages[-1]["content"] if messages else request.get("prompt", ""))


def _e_value(log10_e: Any) -> str:
    return _NONE if log10_e is None else words.e_value(words.finite(log10_e, "cumulative_log10_e"))


def _problem(query: Mapping[str, Any]) -> str:
    asked = query.get("asked") or {}
    if "error" in asked:
        return f"failed: {asked['error']}"
    if query.get("cut_off"):
        return "ended for want of tokens before it began: no silence"
    return str(asked.get("note", ""))


def _asked(query: Mapping[str, Any], media: str) -> Asked | None:
    """What was sent and received, unless the model was at hand."""
    asked = query.get("asked") or {}
    if asked.get("endpoint", "local") == "local":
        return None
    raw = str(asked.get("raw", ""))
    cut = f"\n… {len(raw) - _LONGEST_RAW} more characters" if len(raw) > _LONGEST_RAW else ""
    return Asked(
        when=str(asked.get("time", "")),
        endpoint=str(asked["endpoint"]),
        request=_request(asked.get("request"), str(query["prompt"]), media),
        raw=raw[:_LONGEST_RAW] + cut,
    )


def _request(request: Any, prompt: str, media: str) -> str:
    """What was sent; a key that is no text stands beside it, and not once more within."""
    written = json.dumps(request, ensure_ascii=False, indent=1)
    if media.startswith("text/") or not prompt:
        return written
    # A key is base64, and stands in JSON as it is.
    return written.replace(prompt, f"(the key, {media})")


def _prompt(prompt: str, media: str = "text/plain") -> Text:
    if (markup := shown(media, prompt)) is not None:
        return Text(prompt, markup=markup)
    long = len(prompt) > _LONG_PROMPT or prompt.count("\n") > 2
    head = " ".join(prompt[:_FOLDED].split()) + "…" if long else None
    return Text(prompt, head, points=words.code_points(prompt))


def _text(text: str | None) -> Text:
    return Text(text or "")


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part)
