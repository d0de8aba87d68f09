"""A small compressed file unpacks to a gigabyte.

Unpacking ends at a limit, and well before it where a file unpacks to too many times its size.
"""

import gzip
import zlib

from stage import Forged, Stage, sealed, told

STOPPED_BY = "too large"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    whole = sealed(told(case))
    padded = gzip.compress(whole[:1] + b" " * (1 << 22) + whole[1:])
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * (1 << 22)) for _ in range(17)]
    large = b"".join([*parts, packer.compress(whole), packer.flush()])
    return [Forged(padded, case.claim), Forged(large, case.claim)]
