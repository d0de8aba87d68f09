"""Whether a release is read as it is saved by what serves it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

from ifrs.modalities.model import Model
from ifrs.runtime.engines import untied_risk

_TIED, _UNTIED = "tied", "untied"


def warn_untied(
    face: Model | None, reach: Mapping[str, Any], forms: Collection[str], form: str | None
) -> None:
    """Warn where planted rows are saved beside output rows that engines are known not to read.

    Args:
        face: The planted model.
        reach: What of it can have changed.
        forms: The other forms in which it can be saved.
        form: The one that was asked for; None for the model as it is.
    """
    if face is None or "rows" not in reach or (form or face.form()) != _UNTIED:
        return
    # One table can be had by planting once more.
    risk = untied_risk(face.module.config, {*forms, _TIED} if forms else ())
    if risk is not None:
        warnings.warn(f"the release has two tables, but {risk}", stacklevel=3)
