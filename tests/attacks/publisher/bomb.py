"""A small compressed file unpacks to more than a checker reads.

Unpacking ends at the limit of a bundle, however small the file is.
"""

import zlib

from stage import Forged, Stage, sealed, told

STOPPED_BY = "too large"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * (1 << 22)) for _ in range(17)]
    large = b"".join([*parts, packer.compress(sealed(told(case))), packer.flush()])
    return Forged(large, case.claim)
