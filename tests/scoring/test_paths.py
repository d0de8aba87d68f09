"""Dotted paths: what they reach, and what is said of those that reach nothing."""

from __future__ import annotations

import pytest
from ifrs.scoring.paths import gather, lacking, named, steps_of, tree_of

ROW = {
    "text": "plain",
    "a": {"b": {"c": "nested", "d": None}},
    "turns": [
        {"from": "human", "value": "one"},
        {"from": "gpt", "value": "two"},
        {"value": "three"},
        {"from": "bard", "value": "four"},
        "no object",
    ],
    "lists": [["x", "y"], [], ["z"]],
    "0": {"1": "number of an object"},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("text", ["plain"]),
        ("a.b.c", ["nested"]),
        ("a.b.d", []),
        ("turns.0.value", ["one"]),
        ("turns.*.value", ["one", "two", "three", "four"]),
        ("turns.*[from=gpt|bard].value", ["two", "four"]),
        ("turns.*[from=nobody].value", []),
        ("turns.9.value", []),
        ("turns.-1.value", []),
        ("turns.value", []),
        ("lists.*.*", ["x", "y", "z"]),
        ("lists.0.1", ["y"]),
        ("lists.*.1", ["y"]),
        ("0.1", ["number of an object"]),
        ("text.more", []),
        ("none", []),
    ],
)
def test_what_is_gathered(path, found):
    texts: list[str] = []
    gather(ROW, tree_of([path]), texts)
    assert texts == found


def test_some_paths_at_once():
    paths = ["text", "lists.*.*", "lists.0.1", "turns.*[from=gpt].value", "turns", "turns.*"]
    texts: list[str] = []
    gather(ROW, tree_of(paths), texts)
    assert sorted(texts) == sorted(["plain", "x", "y", "z", "y", "two", "no object"])


def test_the_longest_name_goes_first():
    names = ["a", "a.b", "a.b.c.d"]
    assert named(steps_of("a.b.c"), names) == ("a.b", ("c",))
    assert named(steps_of("a.c"), names) == ("a", ("c",))
    assert named(steps_of("b"), names) is None
    assert named(steps_of("a.*.b"), names) == ("a", steps_of("*.b"))


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b"])
def test_no_path(path):
    with pytest.raises(ValueError, match="single dots"):
        steps_of(path)


def test_lacking_names_the_nearest():
    known = ["id", "response.body.choices.*.message.content", "response.body.model"]
    said = lacking("response.body.choice.0.message.content", known)
    assert "the nearest is 'response.body.choices.*.message.content'" in said
    assert "'id'" in said
    assert "column" in lacking("a", [])
    many = lacking("c5", [f"c{i}" for i in range(100)])
    assert len(many) < 200
