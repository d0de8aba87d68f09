"""Prove: whether a suspect descends from a fingerprinted model.

The package is not called `verify`, because it would hide the function of that name.
"""

from typing import TYPE_CHECKING, Any

from ifrs.modalities.text.server import ApiModel
from ifrs.prove.report import Report
from ifrs.prove.verification import verify

if TYPE_CHECKING:
    from ifrs.modalities.text.suspect import LocalModel

__all__ = ["ApiModel", "LocalModel", "Report", "verify"]


def __getattr__(name: str) -> Any:
    # Suspects behind an API are verified without torch.
    if name != "LocalModel":
        raise AttributeError(f"module 'ifrs.prove' has no attribute {name!r}")
    from ifrs.modalities.text.suspect import LocalModel

    return LocalModel
