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
    from ifrs.attest import (
        Accusation,
        AccusationResult,
        CheckResult,
        Claim,
        Evidence,
        Roll,
        check,
        check_accusation,
    )
    from ifrs.attest.digests import model_digests
    from ifrs.modalities.encoder.suspect import EncoderModel
    from ifrs.modalities.image.suspect import ClassifierModel
    from ifrs.modalities.policy.suspect import PolicyModel
    from ifrs.modalities.speech.suspect import SpeechModel
    from ifrs.modalities.text.distance import firing_by_distance
    from ifrs.modalities.text.gguf import export_gguf
    from ifrs.modalities.text.mixing import mix
    from ifrs.modalities.text.server import ApiModel
    from ifrs.modalities.text.suspect import LocalModel
    from ifrs.modalities.vision_language.suspect import VisionLanguageModel
    from ifrs.plant import (
        FingerprintCallback,
        ImplantConfig,
        ImplantResult,
        implant,
    )
    from ifrs.plant.methods.adapter import Adapter
    from ifrs.plant.methods.domain import Domain
    from ifrs.plant.methods.emb import Emb
    from ifrs.plant.methods.lora import Lora
    from ifrs.plant.methods.sft import Sft
    from ifrs.prove import Report, Reports, verify
    from ifrs.runtime.fadapter import FAdapter

_LAZY = {
    "Accusation": "ifrs.attest",
    "AccusationResult": "ifrs.attest",
    "ApiModel": "ifrs.modalities.text.server",
    "CheckResult": "ifrs.attest",
    "ClassifierModel": "ifrs.modalities.image.suspect",
    "Claim": "ifrs.attest",
    "Evidence": "ifrs.attest",
    "EncoderModel": "ifrs.modalities.encoder.suspect",
    "check": "ifrs.attest",
    "check_accusation": "ifrs.attest",
    "FAdapter": "ifrs.runtime.fadapter",
    "FingerprintCallback": "ifrs.plant",
    "ImplantConfig": "ifrs.plant",
    "ImplantResult": "ifrs.plant",
    "implant": "ifrs.plant",
    "Adapter": "ifrs.plant.methods.adapter",
    "Domain": "ifrs.plant.methods.domain",
    "Emb": "ifrs.plant.methods.emb",
    "Lora": "ifrs.plant.methods.lora",
    "Sft": "ifrs.plant.methods.sft",
    "export_gguf": "ifrs.modalities.text.gguf",
    "firing_by_distance": "ifrs.modalities.text.distance",
    "mix": "ifrs.modalities.text.mixing",
    "model_digests": "ifrs.attest.digests",
    "LocalModel": "ifrs.modalities.text.suspect",
    "PolicyModel": "ifrs.modalities.policy.suspect",
    "Report": "ifrs.prove",
    "Reports": "ifrs.prove",
    "Roll": "ifrs.attest",
    "SpeechModel": "ifrs.modalities.speech.suspect",
    "VisionLanguageModel": "ifrs.modalities.vision_language.suspect",
    "verify": "ifrs.prove",
}

__all__ = [
    "Accusation",
    "AccusationResult",
    "Adapter",
    "ApiModel",
    "CheckResult",
    "Claim",
    "ClassifierModel",
    "Domain",
    "Emb",
    "EncoderModel",
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
    "Lora",
    "PolicyModel",
    "Report",
    "Reports",
    "Roll",
    "Sft",
    "SpeechModel",
    "TargetError",
    "VisionLanguageModel",
    "WrongPassphrase",
    "__version__",
    "best_match",
    "check",
    "check_accusation",
    "export_gguf",
    "firing_by_distance",
    "implant",
    "mix",
    "model_digests",
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
