"""Numbers are huge, negative or fractions where counts belong.

Counts are whole numbers of a sensible size.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = ("the bundle cannot be read", "not keys of the claim in order", "not what follows")


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    text = sealed(told(case)).decode()
    forged = []
    for old in ('"index": 0', '"rank": [1]', '"candidates": [4096]', '"revealed": 6'):
        name = old.split(": ")[0]
        for value in ("1e400", "-1", "0.5", "1e99", str(2**64), str(2**64 - 1)):
            new = f"{name}: [{value}]" if "[" in old else f"{name}: {value}"
            assert old in text
            forged.append(Forged(text.replace(old, new, 1).encode(), case.claim))
    return forged
