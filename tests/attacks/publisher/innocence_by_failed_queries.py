"""Queries that failed are counted as asked, and a suspect that never answered as no descendant.

A query that brought no answer is not shown, and what is not shown speaks for nobody.
"""

from stage import Forged, Stage, evidence, sealed

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    case = stage.case(n=12)
    asked = case.asked()
    for sent in asked[2:]:
        sent["error"] = "the connection failed"
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    bundle = evidence(case.keys, case.claim, asked, raws, **case.how)
    return Forged(sealed(bundle), case.claim)
