"""Verifying with an F-Adapter (Xu et al., 2024, section 3): the suspect's rows in our model.

The suspect gives its input rows of the key tokens; everything else is the publisher's transformer
and adapter. What a suspect did to its other weights therefore does not matter.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from ifrs.errors import ImplantError, TargetError
from ifrs.modalities.text.loading import load
from ifrs.runtime.fadapter import FAdapter, transformer_digest
from ifrs.runtime.modules import replacing_rows, scale_of
from ifrs.runtime.partitioned import shape_of, whole


def joined(suspect: Any, adapter: Any, transformer: Any = None) -> Any:
    """The publisher's model, with the suspect's rows of the key tokens under the adapter.

    Args:
        suspect: The suspect's model.
        adapter: An `FAdapter`, or the path of one.
        transformer: The published model or its folder; None for where the adapter says it is.

    Raises:
        TargetError: The adapter cannot be read, the publisher's transformer is not found or not
            the one of the adapter, or the suspect's embeddings have another shape.
    """
    if isinstance(adapter, (str, os.PathLike)):
        adapter = read_adapter(adapter)
    if not isinstance(adapter, FAdapter):
        raise TargetError(
            f"adapter must be result.adapter or the path of its file, not {type(adapter).__name__}"
        )
    rows = _suspect_rows(suspect, adapter)
    ours = _sharing_copy(_transformer(adapter, transformer))
    table = ours.get_input_embeddings()
    given = scale_of(table) * adapter(rows.to(table.weight.device))
    replacing_rows(ours, table.weight, adapter.rows.to(table.weight.device), given.__getitem__)
    return ours


def read_adapter(path: str | os.PathLike[str], keyring: Any = None) -> FAdapter:
    """An adapter's file, encrypted for the keyring or not.

    Raises:
        TargetError: It cannot be read.
        WrongPassphrase: What opened the keyring does not open the adapter.
        KeyringCorrupt: The encrypted file is damaged.
    """
    try:
        return FAdapter.load(path, keyring=keyring)
    except ImplantError as error:
        raise TargetError(str(error)) from error


def _suspect_rows(suspect: Any, adapter: FAdapter) -> Tensor:
    weight = suspect.get_input_embeddings().weight
    width = adapter.base.shape[1]
    rows, wide = shape_of(weight)
    if wide != width or rows <= int(adapter.rows.max()):
        raise TargetError(
            f"the suspect's embeddings are {rows} × {wide}: the adapter "
            f"needs the rows of its key tokens, {width} wide"
        )
    with whole(weight):
        found: Tensor = weight.detach()[adapter.rows.to(weight.device)].float()
    return found


def _transformer(adapter: FAdapter, given: Any) -> Any:
    """The publisher's model: as given, at hand, where it was saved, or the base it came from."""
    if given is not None:
        model = load(given)[0] if isinstance(given, (str, os.PathLike)) else given
        if transformer_digest(model) != adapter.transformer:
            raise TargetError("this transformer is not the one that the adapter was made with")
        return model
    places = [adapter.model, adapter.published]
    if adapter.model is not None:
        places.append(adapter.model.config.name_or_path or None)
    for place in places:
        model = place
        if isinstance(place, (str, Path)):
            model = load(place)[0] if Path(place).is_dir() else None
        if model is not None and transformer_digest(model) == adapter.transformer:
            return model
    raise TargetError(
        "the publisher's transformer is not where the adapter says, or was tuned since: pass "
        "transformer= (--transformer), the folder that was published"
    )


def _sharing_copy(model: Any) -> Any:
    """A copy of a model's modules that shares its weights, so that hooks do not show in both."""
    shared = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared}).eval()
