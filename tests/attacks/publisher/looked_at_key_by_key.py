"""One more key is asked at a time, and asking ends where the exact p-value of the keys is least.

A report of a part of the keys is sequential; calling it exact changes nothing in its evidence.
"""

import json

from ifrs import _core
from stage import Forged, Stage
from verified import growing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    stage.case(n=8)
    reports, claim = growing(stage.seed, n=8)
    best = min(reports, key=lambda report: report["queries"][-1]["cumulative_log10_p"])
    report = json.dumps({**best, "test": "exact"}).encode()
    bundle = _core.evidence(report, _core.Claim.parse(claim), None)
    return Forged(bundle, claim)
