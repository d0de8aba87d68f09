"""What ends a fingerprint, and what it costs."""

from __future__ import annotations

from ifrs.audit.record import DONE, Measure, Record, Threat
from ifrs.audit.results.endings import endings
from ifrs.audit.results.tables import tables

THREAT = Threat("A. Author, 2025", "the weights", "an hour of tuning")


def record(case, method, *measures, threat=THREAT, suite="attacks"):
    return Record(
        suite=suite,
        case=case,
        method=method,
        status=DONE,
        subject={"kind": "folder", "name": "m"},
        settings={},
        digest="0",
        started="",
        seconds=1.0,
        cpu_seconds=1.0,
        estimate=1.0,
        machine={},
        measures=list(measures),
        threat=threat,
    )


def read(fsr, text, likelihood=None, task=None, step=None):
    found = [
        Measure("fsr", fsr, task=task, step=step),
        Measure("log10_p_text", text, task=task, step=step),
    ]
    if likelihood is not None:
        found.append(Measure("log10_p_likelihood", likelihood, task=task, step=step))
    return found


def test_what_ends_most_stands_first():
    table = endings(
        [
            record("merging", "emb", *read(0.1, -1.0, -41.0)),
            record("erasing", "emb", *read(0.0, -0.2, -0.1), Measure("perplexity_before", 9.0),
                   Measure("perplexity", 12.0)),
            record("erasing", "sft", *read(0.0, -3.0, -9.0)),
        ]
    )  # fmt: skip
    assert table.columns == ("what is done", "emb", "sft", "needs", "costs")
    assert [row[0] for row in table.rows] == ["erasing", "merging"]
    erasing, merging = table.rows
    assert erasing[1].startswith("ended: 0 % · 0.79 · 0.63")
    assert not erasing[2].startswith("ended")  # likelihood still matches
    assert erasing[3:] == (
        "the weights", "an hour of tuning; perplexity 9.0 → 12.0",
    )  # fmt: skip
    assert merging[2] == "–"


def test_the_worst_of_several_variants_counts():
    (row,) = endings(
        [
            record(
                "filters",
                "emb",
                *read(1.0, -20.0, task="terse"),
                *read(0.0, -0.3, task="rare pair"),
                *read(0.5, -9.0, task="listed"),
            )
        ]
    ).rows
    assert row[1].startswith("ended: 0 % · – · 0.5")


def test_the_last_reading_of_a_run_counts():
    (row,) = endings(
        [record("tuning", "emb", *read(1.0, -20.0, step=0), *read(0.2, -7.0, step=50))]
    ).rows
    assert row[1].startswith("20 % · – · 1.0×10⁻⁷")


def test_what_is_no_attack_or_gives_no_evidence_is_left_out():
    records = [
        record("plant", "emb", *read(1.0, -20.0), threat=None, suite="effectiveness"),
        record("guess", "emb", Measure("guess_rate", 0.0, n=100)),
    ]
    assert endings(records).rows == ()
    assert "What ends a fingerprint, and what it costs" not in [t.title for t in tables(records)]
