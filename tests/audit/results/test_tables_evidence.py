"""Records as people read them: evidence of weights and of text side by side."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.audit.record import Measure, Record, Threat
from ifrs.audit.results.advice import advice
from ifrs.audit.results.expected import checks
from ifrs.audit.results.tables import outcome, tables


def record(suite, case, *measures, method="emb", threat=None):
    found = [Measure(metric, value, task=task) for metric, value, task in measures]
    return Record(
        suite, case, method, {}, "d", {"kind": "folder"}, "done", "2026-01-01", 1.0, 1.0, 1.0, {},
        measures=found, threat=threat,
    )  # fmt: skip


def table(records, title):
    (found,) = [t for t in tables(records) if t.title == title]
    return found


BOTH = [("fsr", 0.9, None), ("log10_p_likelihood", -42.0, None), ("log10_p_text", -20.0, None)]


def test_both_kinds_of_evidence_stand_side_by_side():
    shown = outcome(record("deployment", "int8", *BOTH))
    assert shown == "90 % · 1.0×10⁻⁴² · 1.0×10⁻²⁰"
    alone = outcome(record("deployment", "int8", BOTH[0], BOTH[2]))
    assert alone == "90 % · – · 1.0×10⁻²⁰"
    unread = record("attacks", "x", BOTH[0], ("log10_p_likelihood", None, None), BOTH[2])
    assert outcome(unread) == alone
    assert outcome(record("deployment", "int8")) == "–"


def test_a_host_leaves_the_weights_evidence_in_every_row():
    tasks = [("fsr", 0.0, "k = 1"), ("log10_p_text", -1.0, "k = 1"), *BOTH[1:2]]
    found = table(
        [record("attacks", "suppress-top-k", *tasks)],
        "Attacks: hosts that suppress, filter or review answers",
    )
    assert found.rows == (("suppress-top-k: k = 1", "0 % · 1.0×10⁻⁴² · 0.1"),)


def test_attacks_are_told_with_what_they_take():
    threat = Threat("a paper", "the weights", "an hour")
    records = [
        record("attacks", "review", *BOTH, ("answers_kept", 0.5, None), threat=threat),
        record("attacks", "review", *BOTH, method="sft", threat=threat),
        record("deployment", "int8", *BOTH),
    ]
    assert table(records, "What an attacker needs").rows == (
        ("review", "a paper", "the weights", "an hour"),
    )
    hosts = table(records, "Attacks: hosts that suppress, filter or review answers")
    assert "as before: review 50 % (emb)." in hosts.note


def test_every_new_attack_has_its_table():
    measures = [*BOTH, ("kl", 0.5, None), ("planted_mass", 0.25, None), ("rows_hit", 0.9, None)]
    cases = {
        "Deployment: served with one table": ("deployment", "served-tied"),
        "Deployment: quantization, pruning, merging": ("deployment", "served-llama-cpp"),
        "Attacks: another vocabulary": ("attacks", "vocabulary-trimmed"),
        "Attacks: directions taken out, and distillation": ("attacks", "abliterate-refusal"),
        "Persistence: downstream tuning": ("persistence", "dpo"),
    }
    for title, (suite, case) in cases.items():
        (row,) = table([record(suite, case, *measures)], title).rows
        assert any("10⁻²⁰" in cell for cell in row)
        assert any("10⁻⁴²" in cell for cell in row)
    (row,) = table([record("deployment", "served-tied", *measures)], next(iter(cases))).rows
    assert "25.00 %" in row


def test_text_stands_in_expectations_and_advice_too():
    records = [
        record("effectiveness", "plant", *BOTH),
        record("persistence", "full:bundled", *BOTH),
        record("persistence", "dpo", *BOTH[:2], ("log10_p_text", -0.5, None)),
    ]
    (tuned,) = [c for c in checks(records) if "downstream tuning" in c.expected]
    assert tuned.verdict == "held"
    assert "from text alone 0.32 (dpo, emb)" in tuned.found
    assert any("from text alone p = 0.32 (dpo)" in line for line in advice(records))
