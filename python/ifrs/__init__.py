"""Own your language models.

Plant secret fingerprints (Xu et al., 2024, arXiv 2401.12255), and prove descent to a stranger.

Heavy modules load when they are first used: `import ifrs` needs neither torch nor transformers.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ifrs._core import Fingerprint, FingerprintSet, __version__
from ifrs.errors import (
    EvidenceError,
    FingerprintError,
    IfrsError,
    ImplantError,
    KeyringCorrupt,
    KeyringError,
    KeyringLocked,
    KeyringWarning,
    TargetError,
    WrongPassphrase,
)
from ifrs.keyring import Keyring
from ifrs.scoring import best_match, score, score_pairs, top_hits

if TYPE_CHECKING:
    from ifrs.attest import CheckResult, Claim, Evidence, check
    from ifrs.plant import (
        FAdapter,
        FingerprintCallback,
        ImplantConfig,
        ImplantResult,
        implant,
        mix,
    )
    from ifrs.prove import ApiModel, LocalModel, Report, verify

_LAZY = {
    "ApiModel": "ifrs.prove",
    "CheckResult": "ifrs.attest",
    "Claim": "ifrs.attest",
    "Evidence": "ifrs.attest",
    "check": "ifrs.attest",
    "FAdapter": "ifrs.plant",
    "FingerprintCallback": "ifrs.plant",
    "ImplantConfig": "ifrs.plant",
    "ImplantResult": "ifrs.plant",
    "implant": "ifrs.plant",
    "mix": "ifrs.plant",
    "LocalModel": "ifrs.prove",
    "Report": "ifrs.prove",
    "verify": "ifrs.prove",
}

__all__ = [
    "ApiModel",
    "CheckResult",
    "Claim",
    "Evidence",
    "EvidenceError",
    "FAdapter",
    "Fingerprint",
    "FingerprintCallback",
    "FingerprintError",
    "FingerprintSet",
    "IfrsError",
    "ImplantConfig",
    "ImplantError",
    "ImplantResult",
    "Keyring",
    "KeyringCorrupt",
    "KeyringError",
    "KeyringLocked",
    "KeyringWarning",
    "LocalModel",
    "Report",
    "TargetError",
    "WrongPassphrase",
    "__version__",
    "best_match",
    "check",
    "implant",
    "mix",
    "score",
    "score_pairs",
    "top_hits",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'ifrs' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)

    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
