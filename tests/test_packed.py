"""Sets under way to another process."""

from __future__ import annotations

import pickle

from helpers import secrets_of
from ifrs.packed import pack


def test_what_travels_is_sealed(ring):
    fps = ring.generate("one", 3)
    packed = pack(ring, ["one"])
    pickled = pickle.dumps(packed)
    assert not [one for one in secrets_of(fps) if one.encode() in pickled]
    assert packed.passphrase not in repr(packed)
    with pickle.loads(pickled).opened() as opened:
        arrived = opened["one"]
        sealed = opened.seal(b"a report")
    with packed.opened() as opened:
        assert opened.unseal(sealed) == b"a report"
    assert arrived.leaves() == fps.leaves()
    assert secrets_of(arrived) == secrets_of(fps)
    assert [arrived.salt(i) for i in range(3)] == [fps.salt(i) for i in range(3)]
