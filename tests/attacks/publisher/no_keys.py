"""A bundle shows no key at all.

A bundle shows at least one.
"""

from stage import Forged, Stage, sealed, weighed

STOPPED_BY = "not keys of the claim in order, each once"
WEAK = "nothing is claimed"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    case.bundle["queries"] = []
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
