"""A checked accusation as one page for people who do not program: it loads and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ifrs.pages import words
from ifrs.pages.environment import environment


def render_accusation(result: Mapping[str, Any]) -> str:
    """The page, as one string of HTML; keys and answers are always shown as text.

    Args:
        result: An `AccusationResult` as plain data, with the `version` of ifrs that made it.

    Raises:
        ImportError: jinja2 is missing.
    """
    template = environment("ifrs.pages", "api").get_template("accusation.html.j2")
    return str(template.render(_view(result)))


def _view(result: Mapping[str, Any]) -> dict[str, Any]:
    holds, accused = result["ok"], result["accused"]
    roll, stamp = result["roll"], result["timestamp"]
    return {
        "version": result["version"],
        "ok": holds,
        "accused": accused,
        "tone": "bad" if not holds else "match" if accused else "open",
        "headline": _headline(result),
        "problems": list(result["problems"]),
        "notes": list(result["notes"]),
        "licensee": result["licensee"],
        "copies": [{**copy, "at": words.moment(copy["at"])} for copy in result["copies"]],
        "chance": words.chance(result["log10_p"]),
        "p_value": words.p_value(result["log10_p"]),
        "alpha": words.threshold(result["alpha"]) if 0 < result["alpha"] < 1 else "–",
        "read": result["read"],
        "agreeing": result["agreeing"],
        "missing": result["missing"],
        "looks": result["looks"],
        "shown": len(result["positions"]),
        "roll": roll and _roll(roll),
        "target": str(result["target"].get("name", "unnamed")),
        "likelihood": result["evidence"] == "likelihood",
        "rows": [_row(position) for position in result["positions"]],
        "stamp": stamp and {"time": words.moment(stamp["time"]), "verified": stamp["verified"]},
        "released": result["released"] and words.moment(result["released"]),
        "precedes": result["precedes_release"],
        "created": words.moment(result["created"]) if result["created"] else "an unknown time",
    }


def _headline(result: Mapping[str, Any]) -> str:
    """The headline, up to the licensee's name where there is one."""
    if not result["ok"]:
        return "This accusation does not hold."
    if result["accused"]:
        return "The suspect was made of the copy of"
    return "Nothing shows that the suspect was made of the copy of"


def _roll(roll: Mapping[str, Any]) -> dict[str, Any]:
    statement = roll["statement"]
    predicate = statement["predicate"]
    return {
        "model": statement["subject"][0]["name"],
        "licensees": f"{predicate['licensees']['n']:,}",
        "copies": f"{predicate['copies']:,}",
        "positions": predicate["positions"]["n"],
        "created": words.moment(predicate["created"]),
        "publisher": predicate["publisher"],
        "digest": roll["digest"],
    }


def _row(position: Mapping[str, Any]) -> dict[str, Any]:
    responses, read = position["responses"], position["read"]
    if position["missing"]:
        said = "no answer: it counts against the accusation"
    elif read is None:
        said = "neither for certain, or both"
    else:
        said = responses[read]
    return {
        "number": position["index"] + 1,
        "prompt": position["prompt"],
        "points": words.code_points(position["prompt"]),
        "responses": responses,
        "own": responses[position["own"]],
        "said": said,
        "agrees": read is not None and read == position["own"],
        "differs": position["missing"] or (read is not None and read != position["own"]),
        "problem": position["problem"],
    }
