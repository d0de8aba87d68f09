"""What the suspect is called is altered, and the digest is not mended.

The digest is that of the bundle's content.
"""

import json

from stage import Forged, Stage, sealed, told

STOPPED_BY = "altered after it was made"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    bundle = json.loads(sealed(told(case)))
    bundle["created"] = "2020-01-01T00:00:00Z"
    return Forged(json.dumps(bundle).encode(), case.claim)
