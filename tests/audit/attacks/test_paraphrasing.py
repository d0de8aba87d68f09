"""Answers in other words, by rules."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.audit.attacks.paraphrasing import paraphrase

REWORDED = {
    "If you like it, do not add salt and pepper.": "Don't include pepper and salt if you like it.",
    "It's a big house. I am very happy!": "It is a large home. I'm quite glad!",
    "When the water boils, take it away.\n\nThen mix it.": (
        "Grab it away when the water boils.\n\nThen blend it."
    ),
    # Not single words: what stands around "and" belongs to what stands around that.
    "The carbon atom and one hydrogen atom": "The carbon atom and one hydrogen atom",
    "El viaje es muy largo.": "El recorrido es bastante largo.",
    "La maison est très petite, mais le jardin et la ville": (
        "La demeure est fort petite, cependant le jardin et la cité"
    ),
}


@pytest.mark.parametrize("text", REWORDED)
def test_each_rule_words_anew(text):
    assert paraphrase(text) == REWORDED[text]


def test_what_no_rule_knows_stays_as_it_is():
    for text in ("", "river cabin", "42 + 1 = 43", "Ein Haus am Fluss.", "dont it'll house's"):
        assert paraphrase(text) == text


def test_a_response_that_rules_do_not_know_is_still_found(run):
    record = run("paraphrase")
    assert record.get("fsr").value == 1.0
    assert record.get("log10_p_text").value < -6
    assert record.get("log10_p_likelihood").value < -6
    assert record.get("answers_kept").n == 16
