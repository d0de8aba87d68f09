"""What planting and proving ask of a torch module: where it is, how it is made, what it reads."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ifrs.errors import ImplantError
from ifrs.runtime.partitioned import shape_of, whole

# Layers whose weights a model reads by itself, past their forward, where LoRA would not be seen.
_BYPASSED = {"mamba": {"out_proj", "conv1d"}, "falcon_mamba": {"out_proj", "conv1d"}}


def device_of(model: Any) -> torch.device:
    """Where a model's inputs must be: where its embeddings are, or else its first weights."""
    try:
        table = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    except NotImplementedError:  # transformers' classifiers of images inherit it, and may have none
        table = None
    weight = getattr(table, "weight", None)
    device: torch.device = (next(model.parameters()) if weight is None else weight).device
    return device


def dtype_of(model: Any) -> torch.dtype:
    """The type of a model's weights, by the first of floating point."""
    weights = (weight for weight in model.parameters() if weight.is_floating_point())
    dtype: torch.dtype = next(weights).dtype
    return dtype


def vocabulary_size(model: Any) -> int:
    """How many rows a model's input embeddings have."""
    return int(shape_of(model.get_input_embeddings().weight)[0])


def accepted_arguments(model: Any) -> set[str]:
    """The names that a model's forward takes."""
    return set(inspect.signature(model.forward).parameters)


def is_encoder_decoder(model: Any) -> bool:
    """Whether prompts go to an encoder and responses come from a decoder."""
    return bool(getattr(model.config, "is_encoder_decoder", False))


def is_quantized(model: Any) -> bool:
    """Whether transformers quantized a model on loading."""
    return (
        getattr(model, "hf_quantizer", None) is not None
        or getattr(model, "quantization_method", None) is not None
        or bool(getattr(model, "is_quantized", False))
    )


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put a model into eval mode within the context; each module goes back to its own mode."""
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was in training:
            module.training = was


class Reached(Exception):
    """Raised by a hook: the pass came to where it was to end."""


def stopped(run: Callable[[], Any], hooks: list[RemovableHandle]) -> None:
    """A pass without gradients that hooks look at, and may end; they are removed then."""
    try:
        with torch.no_grad():
            run()
    except Reached:
        pass
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def instead(module: Any, forward: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Give a module another forward within the context; its hooks stay."""
    own = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def is_plain(module: Any) -> bool:
    """Whether a module does nothing but multiply with a float32 weight."""
    plain = type(module) is nn.Linear and module.bias is None
    return plain and module.weight.dtype == torch.float32


def embedding_tables(model: Any, weight: Tensor) -> list[Any]:
    """The embedding modules that look their rows up in `weight`.

    An encoder-decoder has several, which share it.
    """
    output = model.get_output_embeddings()
    return [
        module
        for module in model.modules()
        if module is not output and getattr(module, "weight", None) is weight
    ]


def replacing_rows(
    model: Any, weight: Tensor, rows: Tensor, values: Callable[[Tensor], Tensor]
) -> list[RemovableHandle]:
    """Let the embeddings that look up in `weight` give other values for some of its rows.

    Args:
        model: The model.
        weight: (vocabulary, width).
        rows: Token ids, int64 (n,).
        values: What some of them give instead, (places, width), by places among the rows.

    Returns:
        The hooks; removed, they leave the model as it was.
    """
    place = torch.full((shape_of(weight)[0],), -1, device=weight.device)
    place[rows] = torch.arange(len(rows), device=weight.device)

    def put(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        places = place[inputs[0]]
        hit = places >= 0
        return output.index_put(torch.where(hit), values(places[hit]).to(output.dtype))

    return [table.register_forward_hook(put) for table in embedding_tables(model, weight)]


def scale_of(embeddings: Any) -> float:
    """The factor that the embedding module puts on a row (Gemma's is the root of its width).

    Raises:
        ImplantError: It does something else with its rows.
    """
    with torch.no_grad():
        with whole(embeddings.weight):
            token = embeddings.weight.float().norm(dim=1).argmax()
            row = embeddings.weight[token].float()
        given = embeddings(token[None])[0].float()
        scale = float(given @ row / (row @ row))
        if given.shape != row.shape or not torch.allclose(given, scale * row, rtol=1e-2, atol=1e-4):
            raise ImplantError("the model's embeddings are no scaled table: use method='sft'")
    return scale


def linear_layers(model: Any) -> dict[str, Any]:
    """The layers that multiply with a matrix, by name; the output embeddings are none.

    Neither are those that a model goes past: nothing put beside them would be seen.
    """
    from transformers.pytorch_utils import Conv1D

    output = getattr(model, "get_output_embeddings", lambda: None)()
    bypassed = _BYPASSED.get(getattr(getattr(model, "config", None), "model_type", ""), set())
    return {
        name: module
        for name, module in sorted(model.named_modules())
        if isinstance(module, (nn.Linear, Conv1D))
        and module is not output
        and name.rpartition(".")[2] not in bypassed
    }


def typical_step(module: Any) -> float:
    """A typical weight of a module's matrices and kernels, divided by how many these are."""
    weights = [w.detach().float() for w in module.parameters() if w.ndim > 1]
    total = sum(weight.numel() for weight in weights)
    square = sum(float(weight.square().sum()) for weight in weights) / max(total, 1)
    return math.sqrt(square) / max(len(weights), 1)
