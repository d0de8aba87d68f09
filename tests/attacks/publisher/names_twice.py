"""The bundle names its queries, or a field of one, twice: two readers see two bundles.

A name that occurs twice is refused.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "the bundle cannot be read"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    text = sealed(told(case)).decode()
    forged = []
    for old, new in (
        ('"evidence": "text"', '"evidence": "text", "evidence": "text"'),
        ('"temperature": 0.0', '"temperature": 0.7, "temperature": 0.0'),
        ('"kind": "api"', '"kind": "api", "kind": "api"'),
        ('"index": 0', '"index": 1, "index": 0'),
    ):
        assert old in text
        forged.append(Forged(text.replace(old, new, 1).encode(), case.claim))
    return forged
