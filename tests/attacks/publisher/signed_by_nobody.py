"""A claim names a publisher's key and carries another's signature, or one over something else.

The signature is verified strictly, with the key that the claim names.
"""

import json
from dataclasses import replace

from stage import Forged, Stage, sealed, told

STOPPED_BY = ("the claim's signature is wrong", "keyid names another key")


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    other = replace(case.keys, signer=stage.keys(who="other").signer)
    forged = []
    for claim in (
        other.claim(publisher=case.keys.publisher.hex()),
        spliced(case.claim, case.keys.claim(created="2025-01-01T00:00:00Z")),
    ):
        forged.append(Forged(sealed(told(case) | {"claim": json.loads(claim)}), claim))
    return forged


def spliced(claim: bytes, other: bytes) -> bytes:
    """One claim's statement under the other's signature."""
    return json.dumps({**json.loads(claim), "signatures": json.loads(other)["signatures"]}).encode()
