"""The verdict, the p-value and the e-values are altered alone, with a digest that fits.

Everything that follows from the queries is recomputed.
"""

from stage import Forged, Stage, sealed, unsealed
from suspects import guessing

STOPPED_BY = ("is not what follows from the queries", "cumulative e-value is not")
WEAK = "the ranks stay what they are"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case(guessing)
    forged = []
    for change in (
        {"verdict": "match"},
        {"log10_p": -60.0, "p_value": 1e-60},
        {"log10_e": 60.0},
        {"fired": 6},
        {"silent": 6},
        {"revealed": 60},
    ):
        bundle = unsealed(case.forged())
        bundle["result"] |= change
        forged.append(Forged(sealed(bundle), case.claim))
    bundle = unsealed(case.forged())
    bundle["queries"][2]["cumulative_log10_e"] = 30.0
    return [*forged, Forged(sealed(bundle), case.claim)]
