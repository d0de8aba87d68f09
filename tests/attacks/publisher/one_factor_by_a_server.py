"""A bundle of two words that a server showed is said to be of keys that are images of ten classes.

Keys that are no texts are asked of models at hand, whatever a bundle says of them.
"""

import base64
import json
from hashlib import sha256

from derive import compact, envelope, framed
from showing import case_of
from stage import Forged, Stage, sealed

STOPPED_BY = "not a key of the claim's medium"


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 3)
    digest = sha256(b"ifrs/alphabet/v1" + framed(b"classes") + (10).to_bytes(8, "big"))
    statement = json.loads(base64.b64decode(json.loads(case.claim)["payload"]))
    fields = statement["predicate"]
    fields["alphabet"] = {"name": "classes", "sha256": digest.hexdigest()}
    fields["template"] = {"name": "bare", "sha256": sha256(framed(b"", b"")).hexdigest()}
    more = {"sizes": [10], "media": "image/x-rgb"}
    order = ("template", "publisher")
    late = {name: fields.pop(name) for name in order}
    statement["predicate"] = fields | more | late
    claim = compact(envelope(case.keys.signer, compact(statement)))
    bundle = case.told() | {"template": {"before": "", "after": ""}, "claim": json.loads(claim)}
    return Forged(sealed(bundle), claim)
