"""Whether a folder's weights are all of a model: nothing drawn at random, nothing left over.

transformers draws what is missing at random and drops what has no place, and says so in a log alone
(seen with 5.23). A suspect read so answers no key, and would be cleared.
"""

from __future__ import annotations

import logging
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ifrs.runtime.modules import is_encoder_decoder

# What torch.compile puts into the names of tensors.
COMPILED = "_orig_mod."
# What wrappers put into the names of tensors: torch.compile, FSDP, checkpoints of activations, DDP
# and its kin, trainers, peft, and models of several media around the language model. Each stands
# with what it is called.
WRAPPERS = {
    r"(?<![^.])_orig_mod\.": COMPILED,
    r"(?<![^.])_fsdp_wrapped_module\.": "_fsdp_wrapped_module.",
    r"(?<![^.])_checkpoint_wrapped_module\.": "_checkpoint_wrapped_module.",
    r"^module\.": "module.",
    r"^_forward_module\.": "_forward_module.",
    r"^base_model\.model\.(?=model\.|lm_head\.|transformer\.)": "base_model.",
    r"^language_model\.": "language_model.",
    r"(?<=^model\.)language_model\.": "language_model.",
    r"^model\.(?=model\.|lm_head\.|transformer\.)": "model.",
}
_DEEPEST = 4  # wrappers of one kind around each other
# Buffers that older releases saved, and that are computed now.
_COMPUTED = re.compile(
    r"(^|\.)(inv_freq|cos_cached|sin_cached|masked_bias|attn\.bias|attention\.bias|position_ids"
    r"|causal_mask)$"
)
# Heads of trainers and classifiers beside the one that writes text.
_OTHER_HEADS = re.compile(r"^(v_head|score)\.")
_NAMED = 3
_UNCONVERTED = re.compile(r"^(\S+)\s*\|\s*(?:\x1b\[[\d;]*m)?CONVERSION", re.MULTILINE)

_NOTES: weakref.WeakKeyDictionary[Any, list[str]] = weakref.WeakKeyDictionary()


def load_whole(load: Callable[..., tuple[Any, Mapping[str, Any]]]) -> Any:
    """A model with every tensor in its place, under the names of a wrapper if need be.

    Args:
        load: Loads the model, and says what was missing and what was left over; takes options of
            `from_pretrained`.

    Raises:
        ValueError: Tensors are missing, left over, or of another shape; some are named.
    """
    model, found = _loaded(load)
    notes = []
    if _names(found, "missing_keys"):
        mapping, wrappers = unwrapping(_names(found, "unexpected_keys"))
        if mapping:
            again, bare = _loaded(load, key_mapping=mapping)
            if _count(bare) < _count(found):
                model, found = again, bare
                _forget(model, mapping)
                notes.append(stripped(wrappers))
    require_whole(found)
    heads = [name for name in _names(found, "unexpected_keys") if _OTHER_HEADS.search(name)]
    if heads:
        notes.append(f"A head that writes no text was left out ({_some(heads)}).")
    if is_encoder_decoder(model):
        _share_tables(model)
    note(model, notes)
    return model


def note(model: Any, notes: Iterable[str]) -> None:
    """Remember of a model what a reader should know of how it was loaded."""
    _NOTES.setdefault(model, []).extend(notes)


def notes_of(model: Any) -> list[str]:
    """What a reader should know of how a model was loaded: whole sentences."""
    return list(_NOTES.get(model, ()))


def stripped(wrappers: Iterable[str]) -> str:
    """The sentence that says which names were stripped."""
    return (
        f"The weights held the names of a wrapper ({', '.join(wrappers)}), which were stripped: "
        "they were saved from within one."
    )


def unwrapping(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """How the names of wrappers are stripped.

    Args:
        names: Names of tensors.

    Returns:
        Patterns to replace in this order, each once in each name, and the wrappers' names.
    """
    left, mapping, used = set(names), {}, set()
    for depth in range(_DEEPEST):
        for pattern, wrapper in WRAPPERS.items():
            if any(re.search(pattern, name) for name in left):
                left = {re.sub(pattern, "", name, count=1) for name in left}
                used.add(wrapper)
                # Where a wrapper stands twice in a name its pattern is needed twice, and a dict
                # holds it once.
                mapping["(?:" * depth + pattern + ")" * depth] = ""
    return mapping, sorted(used)


def require_whole(found: Mapping[str, Any]) -> None:
    """Refuse what transformers filled up, or left out.

    Raises:
        ValueError: Tensors are missing, left over, or of another shape; some are named.
    """
    said = [f"{what}: {_some(names)}" for what, names in _faults(found).items() if names]
    if said:
        raise ValueError(f"{'; '.join(said)}; get the whole folder as its publisher saved it")


def _faults(found: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        "tensors are missing from the weights": _names(found, "missing_keys"),
        "tensors have another shape than the configuration says": _names(found, "mismatched_keys"),
        "tensors have no place in the model": [
            name for name in _names(found, "unexpected_keys") if not is_aside(name)
        ],
    }


def is_aside(name: str) -> bool:
    """Whether a tensor is computed anew by every model, or of a head that writes no text."""
    return bool(_COMPUTED.search(name) or _OTHER_HEADS.search(name))


def _count(found: Mapping[str, Any]) -> int:
    return sum(map(len, _faults(found).values()))


def _loaded(load: Callable[..., Any], **options: Any) -> Any:
    with _hushed() as lines:
        try:
            return load(ignore_mismatched_sizes=True, **options)
        except RuntimeError as error:
            # What transformers puts together of several tensors, such as experts, it names in its
            # log alone (seen with 5.23).
            names = sorted({name for line in lines for name in _UNCONVERTED.findall(line)})
            if not names:
                raise
            raise ValueError(
                "tensors cannot be put together, as parts are missing or of another shape: "
                f"{_some(names)}; get the whole folder as its publisher saved it"
            ) from error


def _forget(model: Any, mapping: Mapping[str, str]) -> None:
    """Save without the names of wrappers, which transformers would write again (seen with 5.23)."""
    conversions = getattr(model, "_weight_conversions", None)
    if conversions is not None:
        model._weight_conversions = [c for c in conversions if c.source_patterns[0] not in mapping]


def _share_tables(model: Any) -> None:
    """Make one table of those that encoder and decoder look up in, where they hold the same.

    Where the output table is another one, transformers loads each by itself.
    """
    table = model.get_input_embeddings().weight
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if weight is None or weight is table or not type(module).__name__.endswith("Embedding"):
            continue
        if weight.shape != table.shape or weight.device != table.device or table.is_meta:
            continue
        if bool((weight == table).all()):
            module.weight = table


def _names(found: Mapping[str, Any], kind: str) -> list[str]:
    entries: Iterable[Any] = found.get(kind) or ()
    return sorted(entry if isinstance(entry, str) else str(entry[0]) for entry in entries)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


class _Lines(logging.Handler):
    """What would have been logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _hushed() -> Iterator[list[str]]:
    """Without the tables that transformers logs of what we say in one line; gives their text."""
    from transformers.utils import logging as theirs

    logger, handler, before = logging.getLogger("transformers"), _Lines(), theirs.get_verbosity()
    handlers, propagates = list(logger.handlers), logger.propagate
    theirs.set_verbosity_warning()
    logger.handlers, logger.propagate = [handler], False
    try:
        yield handler.lines
    finally:
        logger.handlers, logger.propagate = handlers, propagates
        theirs.set_verbosity(before)
