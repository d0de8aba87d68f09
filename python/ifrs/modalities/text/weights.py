"""Whether a folder's weights are all of a model: nothing drawn at random, nothing left over.

transformers draws what is missing at random and drops what has no place, and says so in a log alone
(seen with 5.23). A suspect read so answers no key, and would be cleared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ifrs.runtime.modules import is_encoder_decoder

# What wrappers put into the names of tensors: torch.compile, DDP and its kin, checkpoints of
# activations, and models of several media around the language model.
WRAPPERS = (
    r"(?<![^.])_orig_mod\.",
    r"(?<![^.])_fsdp_wrapped_module\.",
    r"(?<![^.])_checkpoint_wrapped_module\.",
    r"^module\.",
    r"^base_model\.model\.(?=model\.|lm_head\.|transformer\.)",
    r"^(?=.*language_model\.)(?:model\.)?language_model\.(?=model\.|lm_head\.|transformer\.)",
    r"(?<=^model\.)language_model\.",
)
# Buffers that older releases saved, and that are computed now.
_COMPUTED = re.compile(
    r"(^|\.)(inv_freq|masked_bias|attn\.bias|attention\.bias|position_ids|causal_mask)$"
)
_NAMED = 3


def load_whole(load: Callable[..., tuple[Any, Mapping[str, Any]]]) -> tuple[Any, list[str]]:
    """A model with every tensor in its place, under the names of a wrapper if need be.

    Args:
        load: Loads the model, and says what was missing and what was left over; takes options of
            `from_pretrained`.

    Returns:
        The model, and the wrappers whose names were stripped.

    Raises:
        ValueError: Tensors are missing, left over, or of another shape; some are named.
    """
    with _quiet():
        model, found = load(ignore_mismatched_sizes=True)
        names = _names(found, "unexpected_keys")
        used = [wrapper for wrapper in WRAPPERS if any(re.search(wrapper, n) for n in names)]
        if used and _names(found, "missing_keys"):
            model, found = load(ignore_mismatched_sizes=True, key_mapping=dict.fromkeys(used, ""))
        else:
            used = []
    require_whole(found)
    if is_encoder_decoder(model):
        _share_tables(model)
    return model, sorted({_plain(wrapper) for wrapper in used})


def require_whole(found: Mapping[str, Any]) -> None:
    """Refuse what transformers filled up, or left out.

    Raises:
        ValueError: Tensors are missing, left over, or of another shape; some are named.
    """
    faults = {
        "tensors are missing from the weights": _names(found, "missing_keys"),
        "tensors have another shape than the configuration says": _names(found, "mismatched_keys"),
        "tensors have no place in the model": [
            name for name in _names(found, "unexpected_keys") if not _COMPUTED.search(name)
        ],
    }
    said = [f"{what}: {_some(names)}" for what, names in faults.items() if names]
    if said:
        raise ValueError(f"{'; '.join(said)}; get the whole folder as its publisher saved it")


def _share_tables(model: Any) -> None:
    """Make one table of those that encoder and decoder look up in, where they hold the same.

    Where the output table is another one, transformers loads each by itself.
    """
    table = model.get_input_embeddings().weight
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if weight is None or weight is table or not type(module).__name__.endswith("Embedding"):
            continue
        if weight.shape == table.shape and bool((weight == table).all()):
            module.weight = table


def _names(found: Mapping[str, Any], kind: str) -> list[str]:
    entries: Iterable[Any] = found.get(kind) or ()
    return sorted(entry if isinstance(entry, str) else str(entry[0]) for entry in entries)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _plain(wrapper: str) -> str:
    """The name that a pattern stands for."""
    names = ("_orig_mod", "wrapped_module", "language_model", "base_model", "module")
    return next(f"{name}." for name in names if name in wrapper)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tables that transformers logs of what we say in one line."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
