"""A claim's statement is signed in another spelling, in which two readers may see two things.

A statement is written in one way.
"""

import base64
import json

from derive import envelope
from stage import Forged, Stage, sealed, told

STOPPED_BY = "the claim cannot be read"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    payload = base64.b64decode(json.loads(case.claim)["payload"]).decode()
    forged = []
    for old, new in (
        ('"n":6', '"n": 6'),
        ('"n":6', '"n":6,"n":6'),
        ('"n":6', '"n":6.0'),
        ('"n":6', '"n":6,"decoys":4095'),
        ('"response":"unique"', '"response":"shared"'),
        ("scheme/v3", "scheme/v4"),
    ):
        assert old in payload
        claim = envelope(case.keys.signer, payload.replace(old, new, 1).encode())
        bundle = sealed(told(case) | {"claim": claim})
        forged.append(Forged(bundle, json.dumps(claim).encode()))
    return forged
