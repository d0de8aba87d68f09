"""The publisher's level is 0, 2, negative, or so large that it is no number.

A level lies strictly between 0 and 1.
"""

from stage import Forged, Stage, sealed

STOPPED_BY = ("is no level", "the bundle cannot be read")
WEAK = "a level that is none proves nothing"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for level in (0.0, 2.0, -1e-6, 1.0):
        case.bundle["result"] |= {"alpha": level, "verdict": "match"}
        forged.append(Forged(sealed(case.bundle), case.claim))
    text = forged[0].bundle.decode()
    for level in ("NaN", "1e999", "Infinity", '"0.5"'):
        spelled = text.replace('"alpha": 0.0', f'"alpha": {level}')
        assert spelled != text
        forged.append(Forged(spelled.encode(), case.claim))
    return forged
