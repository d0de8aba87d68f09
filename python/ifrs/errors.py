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
    "TargetWarning",
    "WrongPassphrase",
]


class TargetWarning(UserWarning):
    """What a reader should know of how a suspect or a base was loaded."""
