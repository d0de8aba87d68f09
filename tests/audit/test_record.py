"""Measures, their intervals, and records read back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
from ifrs.audit.measures.choices import wilson
from ifrs.audit.record import Measure, mean_measure, student


def test_wilson_and_student_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for k, n in ((0, 10), (3, 10), (50, 100), (100, 100)):
        expected = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
    for freedom in (1, 4, 5, 7, 11, 39, 200):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=3e-3)
    values = [0.1, 0.4, 0.2, 0.9, 0.3, 0.5]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_measure("kl", values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-2)


def test_means_of_few():
    assert mean_measure("kl", []).value is None
    assert mean_measure("kl", [1.0]).low is None


def test_measures_read_back():
    from ifrs.audit import Record

    record = Record(
        "s", "c", "emb", {}, "d", {"kind": "folder"}, "done", "now", 1.0, 1.0, 1.0, {}, None, None,
        [Measure("fsr", 0.5, 0.1, 0.9, 10, 3, "t"), Measure("p", None)],
    )  # fmt: skip
    again = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record


def test_a_threat_makes_a_record_of_the_second_format():
    from ifrs import EvidenceError
    from ifrs.audit.record import Record, Threat

    plain = Record("s", "c", "emb", {}, "d", {}, "done", "now", 1.0, 1.0, 1.0, {})
    assert plain.to_json()["format"] == "ifrs/audit/v1"
    assert "threat" not in plain.to_json()
    told = replace(plain, threat=Threat("a paper", "an API", "nothing"))
    tree = told.to_json()
    assert tree["format"] == "ifrs/audit/v2"
    assert Record.from_json(json.loads(json.dumps(tree))) == told
    # Neither format is taken for the other one.
    other = {**plain.to_json(), "format": "ifrs/audit/v2"}
    for wrong in ({**tree, "format": "ifrs/audit/v1"}, other):
        with pytest.raises(EvidenceError, match="damaged"):
            Record.from_json(wrong)
    with pytest.raises(EvidenceError, match="not an audit record"):
        Record.from_json({**tree, "format": "ifrs/audit/v3"})


def test_a_table_has_what_an_attacker_needs():
    from ifrs.audit.record import Record, Threat, rows

    threat = Threat("a paper", "an API", "nothing")
    record = Record("s", "c", "emb", {}, "d", {}, "done", "now", 1.0, 1.0, 1.0, {}, threat=threat)
    (row,) = rows([record])
    assert (row["paper"], row["access"], row["cost"]) == ("a paper", "an API", "nothing")
