"""The claim carries a time stamp that is none, or that an authority gave over another claim.

A stamp covers the claim's envelope.
"""

import base64
import json

from stage import Forged, Stage, sealed, told

STOPPED_BY = "time stamp"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    stamped = json.loads(case.claim) | {"timestamp": base64.b64encode(b"0" * 99).decode()}
    bundle = told(case) | {"claim": stamped}
    return Forged(sealed(bundle), json.dumps(stamped).encode(), {"released": "2026-05-15"})
