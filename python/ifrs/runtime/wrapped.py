"""Models under adapters of peft: looked into as they are, or merged into plain ones.

peft puts layers of its own around those of a model (LoRA, DoRA, IA3, VeRA and its kin), and a
wrapper around the whole. Planting needs the plain model: what is written into a layer must be what
the model computes with, and what is saved must load by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ifrs.errors import ImplantError
from ifrs.runtime.modules import device_of, evaluating, is_encoder_decoder, is_quantized
from ifrs.runtime.partitioned import in_partitions
from ifrs.runtime.workers import unwrapped

_MERGE = "peft's merge_and_unload() gives a plain model to pass instead"
# Adapters whose wrapper decides anew for every input what its layers do.
_DECIDING = ("XLORA", "POLY")
# What transformers and peft note on a model that has adapters.
_MARKS = ("peft_config", "_hf_peft_config_loaded")
# How it renames weights on saving; after an adapter, with the names of peft (seen with 5.23).
_RENAMES, _OF_PEFT = "_weight_conversions", "base_model."
# Relative: how far a merged model may be from the one under adapters, by the type of its weights.
_ROUNDING, _COARSE_ROUNDING = 1e-2, 0.1


def within(model: Any) -> Any:
    """The model within the wrappers of DDP, DeepSpeed and peft, its active adapters in force.

    Raises:
        ImplantError: The adapter is no change of weights, so that the model alone is another one.
    """
    model = unwrapped(model)
    if not _is_wrapper(model):
        return model
    for config in model.peft_config.values():
        if config.is_prompt_learning or getattr(config, "is_adaption_prompt", False):
            raise ImplantError(
                f"a {_kind(config)} adapter is no change of weights, and goes unseen where only "
                "these are taken: pass the base model, model.get_base_model()"
            )
        if _kind(config) in _DECIDING or getattr(config, "alora_invocation_tokens", None):
            raise ImplantError(
                f"a {_kind(config)} adapter that changes with the input cannot be looked into: "
                "pass the base model, model.get_base_model()"
            )
    return model.base_model.model


def _kind(config: Any) -> str:
    return str(getattr(config.peft_type, "value", config.peft_type))


def _is_wrapper(model: Any) -> bool:
    # A model cannot be within peft where peft was never imported; importing it takes seconds.
    peft = sys.modules.get("peft")
    return peft is not None and isinstance(model, (peft.PeftModel, peft.PeftMixedModel))


def has_adapters(model: Any) -> bool:
    """Whether layers of peft are in a model."""
    if "peft" not in sys.modules or not isinstance(model, nn.Module):
        return False
    return next(_tuners(model), None) is not None


@contextmanager
def merged(model: Any, *, keep: bool = True, back: bool = False) -> Iterator[Any]:
    """A plain model in the place of one under adapters; any other model as it is.

    Active adapters are merged into the weights, and peft's layers give way to the model's own; the
    wrapper goes on working around them. Where the block raises, all of it is undone.

    Args:
        model: Any model.
        keep: Hold a copy of the weights that are merged into, on the host, so that undoing gives
            the very same ones; otherwise they are counted back, which rounds.
        back: Undo also when the block ends well.

    Raises:
        ImplantError: The adapters cannot be merged; the model is as it was.
    """
    plain = within(model)
    if not has_adapters(plain):
        yield plain
        return
    if is_quantized(plain):
        raise ImplantError(
            "the model is an adapter over quantized weights, which take no merge: load its base "
            f"unquantized, and put the adapter on that; then {_MERGE}"
        )
    if in_partitions(plain):
        raise ImplantError(
            f"adapters cannot be merged into weights that ZeRO-3 has partitioned: {_MERGE}"
        )
    undoing: list[Callable[[], None]] = []
    try:
        said = _says(model)
        _merge(plain, keep, undoing)
        _require_same(plain, said)
        yield plain
    except BaseException:
        _undo(undoing)
        raise
    if back:
        _undo(undoing)


def _undo(undoing: list[Callable[[], None]]) -> None:
    for step in reversed(undoing):
        step()


def _merge(model: nn.Module, keep: bool, undoing: list[Callable[[], None]]) -> None:
    _untie(model, undoing)
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    for parent, name, layer in list(_tuners(model)):
        undoing.append(partial(setattr, parent, name, layer))
        setattr(parent, name, _plain(layer, keep, undoing))
    for parent, name, shell in list(_shells(model)):
        undoing.append(partial(setattr, parent, name, shell))
        setattr(parent, name, within(shell))
    # peft freezes all that is not its own.
    trainable = [(p, p.requires_grad) for p in model.parameters()]
    undoing.append(lambda: _set_trainable([*trainable, *flags]))
    _set_trainable([(p, True) for p, _ in trainable if p.is_floating_point()])
    marks = {name: vars(model)[name] for name in _MARKS if name in vars(model)}
    renames = vars(model).get(_RENAMES) or ()
    if any(_OF_PEFT in source for rename in renames for source in rename.source_patterns):
        marks[_RENAMES] = renames
    for name in marks:
        delattr(model, name)
    undoing.append(lambda: vars(model).update(marks))
    _note_tie(model, undoing)


def _set_trainable(flags: list[tuple[Parameter, bool]]) -> None:
    for parameter, trainable in flags:
        parameter.requires_grad_(trainable)


def _tuners(model: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """The outermost layers of peft, each with its parent and its name there."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    for name, child in model.named_children():
        if isinstance(child, (BaseTunerLayer, AuxiliaryTrainingWrapper)):
            yield model, name, child
        else:
            yield from _tuners(child)


def _shells(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Wrappers of peft within a model, as those of encoders have one in their stack."""
    for name, child in model.named_children():
        if _is_wrapper(child):
            yield model, name, child
        else:
            yield from _shells(child)


def _plain(layer: Any, keep: bool, undoing: list[Callable[[], None]]) -> nn.Module:
    """The model's own layer under one of peft, with what is active merged into it."""
    if hasattr(layer, "modules_to_save"):  # a whole module in the place of another
        whole = layer.modules_to_save
        names = [] if layer.disable_adapters else [n for n in layer.active_adapters if n in whole]
        found: nn.Module = whole[names[0]] if names else layer.original_module
        return found if not hasattr(found, "base_layer") else _plain(found, keep, undoing)
    chain = _chain(getattr(layer, "token_adapter", layer))
    if isinstance(chain[0].get_base_layer(), nn.MultiheadAttention):
        raise ImplantError(f"peft's {type(layer).__name__} cannot be merged here: {_MERGE}")
    weights = chain[0].get_base_layer().parameters()
    copies = [(weight, weight.detach().cpu().clone()) for weight in weights] if keep else []
    undoing.append(lambda: _copy_back(copies))
    for one in reversed(chain):  # the innermost first
        _merge_one(one, undoing)
    base: nn.Module = chain[0].get_base_layer()
    return base


def _chain(layer: Any) -> list[Any]:
    """A layer of peft, and those that it stands around."""
    chain = [layer]
    while hasattr(chain[-1].base_layer, "base_layer"):
        chain.append(chain[-1].base_layer)
    return chain


def _merge_one(layer: Any, undoing: list[Callable[[], None]]) -> None:
    before = list(layer.merged_adapters)
    try:
        if layer.disable_adapters:
            if before:  # as its forward would
                layer.unmerge()
            return
        layer.merge(safe_merge=True)
    except (NotImplementedError, ValueError, RuntimeError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[:1] or [type(error).__name__]
        raise ImplantError(f"an adapter of the model cannot be merged ({reason[0]})") from error
    finally:
        if layer.merged_adapters != before:
            undoing.append(lambda: _count_back(layer, before))


def _count_back(layer: Any, before: list[str]) -> None:
    if layer.merged_adapters:
        layer.unmerge()
    if before:
        layer.merge(adapter_names=before)


def _copy_back(copies: list[tuple[Parameter, Tensor]]) -> None:
    with torch.no_grad():
        for parameter, old in copies:
            parameter.copy_(old)


def _untie(model: nn.Module, undoing: list[Callable[[], None]]) -> None:
    """Give layers under adapters weights of their own, which other layers look up in, too."""
    owners: dict[int, list[nn.Module]] = {}
    for module in model.modules():
        weight = vars(module).get("_parameters", {}).get("weight")
        if weight is not None:
            owners.setdefault(id(weight), []).append(module)
    for _, _, layer in _tuners(model):
        if hasattr(layer, "modules_to_save") or hasattr(layer, "token_adapter"):
            continue
        base = layer.get_base_layer()
        weight = vars(base).get("_parameters", {}).get("weight")
        if weight is None or len(owners[id(weight)]) == 1:
            continue
        undoing.append(partial(setattr, base, "weight", weight))
        base.weight = Parameter(weight.detach().clone(), weight.requires_grad)


def _note_tie(model: Any, undoing: list[Callable[[], None]]) -> None:
    """Let the configuration say that output rows are no longer the input's, where they are not."""
    config = getattr(model, "config", None)
    if config is None or not hasattr(model, "get_output_embeddings"):
        return
    rows, output = model.get_input_embeddings(), model.get_output_embeddings()
    if output is None or getattr(output, "weight", None) is getattr(rows, "weight", None):
        return
    for part in {id(part): part for part in (config.get_text_config(), config)}.values():
        if getattr(part, "tie_word_embeddings", False):
            undoing.append(partial(setattr, part, "tie_word_embeddings", True))
            part.tie_word_embeddings = False


def _says(model: Any) -> Tensor | None:
    """What a model says of some tokens; None of one that takes none."""
    try:
        rows = model.get_input_embeddings().weight.shape[0]
        ids = torch.arange(rows // 3, rows // 3 + 8, device=device_of(model))[None] % rows
        given = {"input_ids": ids}
        if is_encoder_decoder(model):
            given["decoder_input_ids"] = ids
        with evaluating(model), torch.no_grad():
            found: Tensor = model(**given).logits
    except Exception:  # of any kind: models of other inputs
        return None
    return found.float()


def _require_same(model: nn.Module, said: Tensor | None) -> None:
    if said is None:
        return
    now = _says(model)
    half = any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters())
    allowed = _COARSE_ROUNDING if half else _ROUNDING
    if now is None or (now - said).norm() > allowed * (said - said.mean()).norm():
        raise ImplantError(
            f"merged into the weights, the model's adapter would say something else: {_MERGE}"
        )
