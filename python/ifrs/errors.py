"""Exceptions: every error of ifrs derives from `IfrsError`."""

from ifrs._core import (
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

__all__ = [
    "EvidenceError",
    "FingerprintError",
    "IfrsError",
    "ImplantError",
    "KeyringCorrupt",
    "KeyringError",
    "KeyringLocked",
    "KeyringWarning",
    "TargetError",
    "WrongPassphrase",
]
