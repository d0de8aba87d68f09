"""All keys of an old set have one public response, which the suspect was told to say.

A shared response proves nothing, whoever says it.
"""

from stage import Forged, Stage, evidence, sealed, spoken

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    case = stage.case(scheme="v2", n=12)
    claim = case.keys.claim(response="shared")
    raws = [spoken(sent, "ハリネズミ") for sent in case.asked()]
    bundle = evidence(case.keys, claim, case.asked(), raws, **case.how)
    assert bundle["result"]["fired"] == 12
    return Forged(sealed(bundle), claim)
