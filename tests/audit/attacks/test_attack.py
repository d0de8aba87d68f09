"""Every attack's record on a tiny model: whole, with what an attacker needs."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
from ifrs.audit.attacks import ATTACKS, of
from ifrs.audit.record import METRICS, Record
from ifrs.audit.suites import SUITES

# The tiny base has no GGUF file, and an emb release teaches nothing: those have tests of their own.
HERE = [attack for attack in ATTACKS if attack.case not in ("served-llama-cpp", "distil")]


@pytest.mark.parametrize("attack", HERE, ids=lambda attack: attack.case)
def test_the_record_is_whole(attack, run):
    record = run(attack.case)
    assert record.reason is None
    assert record.status == "done"
    assert record.threat == attack.threat
    assert all((record.threat.paper, record.threat.access, record.threat.cost))
    # Evidence as an API gives it stands beside that of the weights.
    metrics = {measure.metric for measure in record.measures}
    assert record.get("log10_p_text").value is not None
    assert {"fsr", "log10_p_text", "log10_p_likelihood"} <= metrics
    assert metrics <= METRICS.keys()
    again = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record


def test_every_attack_is_a_case_of_a_suite_once():
    assert len({attack.case for attack in ATTACKS}) == len(ATTACKS)
    assert sum(len(of(suite)) for suite in SUITES) == len(ATTACKS)
