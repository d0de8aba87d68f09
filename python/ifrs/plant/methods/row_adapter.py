"""Changed input rows as an adapter of peft, beside the untouched base model."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.errors import ImplantError
from ifrs.runtime.modules import is_encoder_decoder, linear_layers


def save_rows(model: Any, rows: Tensor, values: Tensor, folder: Path) -> None:
    """Write a folder that `peft.PeftModel.from_pretrained(base, folder)` loads.

    Where a model's tables are tied, peft gives new input rows to the output table, too, but not if
    rows of both are asked for and are not the same ones (peft 0.21, `LoraConfig`). So one more
    output row is named, which stays as it is; and one layer, for peft wants one, with a change of
    zero.

    Args:
        model: The model; only its configuration and the names of its layers are looked at.
        rows: Token ids, int64 (n,).
        values: What they are changed to, (n, width).
        folder: An empty one.

    Raises:
        ImplantError: peft is missing, or has no form for such a model.
    """
    try:
        import peft
    except ImportError as error:
        raise ImplantError("form='peft' needs peft: pip install 'ifrs[train]'") from error
    if is_encoder_decoder(model):
        raise ImplantError("an encoder-decoder has several tables: save it with form='untied'")
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    names = {id(module): name for name, module in model.named_modules()}
    other = _another(rows.tolist(), len(output.weight))
    kept = output.weight.detach()[[other]]
    changed = {names[id(table)]: (rows.tolist(), values), names[id(output)]: ([other], kept)}
    config = peft.LoraConfig(
        r=1,
        target_modules=[next(iter(linear_layers(model)))],
        trainable_token_indices={_last(name): indices for name, (indices, _) in changed.items()},
        task_type="CAUSAL_LM",
        base_model_name_or_path=getattr(model, "name_or_path", None) or None,
    )
    wrapped = _without_weights(peft, model, config)
    for name, parameter in wrapped.named_parameters():
        _put(wrapped, name, parameter, {_last(own): new for own, (_, new) in changed.items()})
    # Whole tables are no part of it, though they are on a list of what may be.
    wrapped.save_pretrained(folder, save_embedding_layers=False)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _another(rows: list[int], count: int) -> int:
    """A token that is none of the rows."""
    return next(token for token in range(count) if token not in set(rows))


def _without_weights(peft: Any, model: Any, config: Any) -> Any:
    """The adapter around a model of the same make, whose tables are taken to be tied."""
    made = copy.deepcopy(model.config)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skeleton = type(model)(made)
        for part in (made.get_text_config(), made):
            part.tie_word_embeddings = True
        return peft.get_peft_model(skeleton, config)


def _put(wrapped: Any, name: str, parameter: Parameter, changed: dict[str, Tensor]) -> None:
    """Give one of the adapter's parameters its value; those of the model have none."""
    if "trainable_tokens_delta" in name:
        layer = next(part for part in name.split(".") if part in changed)
        value = changed[layer].detach().cpu().clone()
    elif "lora_" in name:
        value = torch.zeros(parameter.shape)
    else:
        return
    owner, _, own = name.rpartition(".")
    holder = wrapped.get_submodule(owner)
    if isinstance(holder, torch.nn.ParameterDict):
        holder[own] = Parameter(value)
    else:
        setattr(holder, own, Parameter(value))
