"""Checked evidence as one page for people who do not program: it loads and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ifrs.pages import words
from ifrs.pages.alphabets import possibilities, wording
from ifrs.pages.challenges import shown
from ifrs.pages.environment import environment
from ifrs.pages.spread import drawn

_SIZES = (2048, 2047)
_ORDERS = {
    "match": "The suspect model descends from the publisher’s model.",
    "no match": "Nothing shows that the suspect model descends from the publisher’s model.",
    "inconclusive": "The evidence is too weak to say whether the suspect model descends from the "
    "publisher’s model.",
}


_TESTS = {
    "exact": "the exact chance that all rankings together come out so well: every key of the claim "
    "counts, and one that is not shown counts as the worst",
    "sequential": "one over the most that the stake below ever became: it holds whenever asking "
    "was stopped",
    "Fisher": "Fisher’s combination of all rankings, as bundles had it at first",
}


def render_evidence(result: Mapping[str, Any]) -> str:
    """The page, as one string of HTML; prompts and answers are always shown as text.

    Args:
        result: A `CheckResult` as plain data, with the `version` of ifrs that made it.

    Raises:
        ImportError: jinja2 is missing.
    """
    template = environment("ifrs.pages", "api").get_template("evidence.html.j2")
    return str(template.render(_view(result)))


def _view(result: Mapping[str, Any]) -> dict[str, Any]:
    statement = result["claim"]["statement"] if result["claim"] else None
    predicate = statement["predicate"] if statement else {}
    holds = result["ok"]
    return {
        "version": result["version"],
        "ok": holds,
        "tone": {"match": "match", "no match": "none"}.get(result["verdict"], "open")
        if holds
        else "bad",
        "headline": _ORDERS.get(result["verdict"], _ORDERS["inconclusive"])
        if holds
        else "This evidence does not hold.",
        "problems": list(result["problems"]),
        "notes": list(result["notes"]),
        "chance": words.chance(result["log10_p"]),
        "p_value": words.p_value(result["log10_p"]),
        "log10_e": words.number(result["log10_e"]),
        "alpha": words.threshold(result["alpha"]) if 0 < result["alpha"] < 1 else "–",
        "bits": words.bits(result["log10_p"]),
        "verdict": result["verdict"] or "none",
        "test": _TESTS.get(result["test"]),
        "stated": result["stated_verdict"]
        and {"verdict": result["stated_verdict"], "alpha": words.threshold(result["stated_alpha"])},
        "public_decoys": result["format"] == "ifrs/evidence/v1",
        "claim": statement and _claim(result, statement),
        "target": str(result["target"].get("name", "unnamed")),
        "kind": str(result["target"].get("kind", "")),
        "likelihood": result["evidence"] == "likelihood",
        "decoys": f"{result['queries'][0]['ranks'][0][1] - 1:,}"
        if result["queries"] and result["queries"][0]["ranks"]
        else "–",
        "alphabet": wording(_alphabet(predicate)),
        "size": f"{_sizes(predicate)[0]:,}",
        "written": _media(predicate).startswith("text/"),
        "responses": possibilities(_sizes(predicate)),
        "queries": [_query(query, _media(predicate)) for query in result["queries"]],
        "asked": _asked(result),
        "fired": result["fired"],
        "first": sum(rank == 1 for query in result["queries"] for rank, _ in query["ranks"]),
        "ranked": sum(len(query["ranks"]) for query in result["queries"]),
        "silent": result["silent"],
        "secret": statement["predicate"]["n"] - len(result["queries"]) if statement else 0,
        "stamp": result["timestamp"]
        and {
            "time": words.moment(result["timestamp"]["time"]),
            "verified": result["timestamp"]["verified"],
        },
        "released": result["released"] and words.moment(result["released"]),
        "precedes": result["precedes_release"],
        "created": words.moment(result["created"]),
    }


def _claim(result: Mapping[str, Any], statement: dict[str, Any]) -> dict[str, Any]:
    predicate = statement["predicate"]
    assert result["claim"] is not None
    return {
        "model": predicate["model"]["name"],
        "files": [(item["name"], item["digest"]["sha256"]) for item in statement["subject"]],
        "n": predicate["n"],
        "created": words.moment(predicate["created"]),
        "publisher": predicate["publisher"],
        "digest": result["claim"]["digest"],
        "root": predicate["root"],
        "shared": predicate["response"] == "shared",
    }


def _alphabet(predicate: Mapping[str, Any]) -> str:
    return str(predicate.get("alphabet", {}).get("name", "words"))


def _sizes(predicate: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(predicate.get("sizes") or ()) or _SIZES


def _media(predicate: Mapping[str, Any]) -> str:
    return str(predicate.get("media", "text/plain"))


def _query(query: dict[str, Any], media: str) -> dict[str, Any]:
    asked = query["asked"]
    return {
        "number": query["index"] + 1,
        "prompt": query["prompt"],
        "markup": shown(media, query["prompt"]),
        "points": words.code_points(query["prompt"]),
        "response": query["response"],
        "answer": query["answer"],
        "fired": query["fired"],
        "ranks": [f"{rank:,} of {of:,}" for rank, of in query["ranks"]],
        "time": words.moment(str(asked.get("time", ""))),
        "endpoint": str(asked.get("endpoint", "")),
        "kept": query["kept"],
        "spread": _spread(query),
        "further": len(query.get("further", ())),
        "problem": query["problem"],
    }


def _spread(query: Mapping[str, Any]) -> Any:
    """Where a domain's true colouring stands among all; None where a key is no domain."""
    pairs = query.get("pairs")
    if pairs is None:
        return None
    return drawn(pairs, round(query["score"] * pairs), query["spread"])


def _asked(result: Mapping[str, Any]) -> dict[str, str]:
    times = sorted(str(query["asked"].get("time", "")) for query in result["queries"])
    places = sorted({str(query["asked"].get("endpoint", "")) for query in result["queries"]})
    return {
        "first": words.moment(times[0]) if times else "–",
        "last": words.moment(times[-1]) if times else "–",
        "where": ", ".join(places) or "–",
    }
