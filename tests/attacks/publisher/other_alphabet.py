"""The claim's alphabet is another list, in which the response is one of few.

A claim's alphabet is the published one, by name and digest.
"""

import json

from stage import Forged, Stage, sealed, told

STOPPED_BY = "its alphabet are not known to this version"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for alphabet in (
        {"name": "two-words", "sha256": "00" * 32},
        {"name": "ifrs-words-2048-v1", "sha256": "00" * 32},
    ):
        claim = case.keys.claim(alphabet=alphabet)
        bundle = {**told(case), "claim": json.loads(claim)}
        forged.append(Forged(sealed(bundle), claim))
    return forged
