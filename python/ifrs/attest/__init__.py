"""Evidence: claims made before release, bundles that a stranger checks, time stamps.

Nothing here needs torch, a keyring or a network; only asking for a time stamp opens a connection.
"""

from ifrs.attest.accusation import Accusation
from ifrs.attest.accusing import AccusationResult, check_accusation
from ifrs.attest.bundle import Evidence
from ifrs.attest.checking import CheckResult, check
from ifrs.attest.claim import Claim
from ifrs.attest.digests import model_digests
from ifrs.attest.roll import Roll

__all__ = [
    "Accusation",
    "AccusationResult",
    "CheckResult",
    "Claim",
    "Evidence",
    "Roll",
    "check",
    "check_accusation",
    "model_digests",
]
