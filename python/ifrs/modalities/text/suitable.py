"""Whether a model and a tokenizer can carry a fingerprint at all."""

from __future__ import annotations

from typing import Any

from ifrs.errors import ImplantError
from ifrs.runtime.modules import accepted_arguments


def check_model(model: Any, tokenizer: Any) -> None:
    """Find what is wrong before anything is computed.

    Raises:
        ImplantError: It is no language model, not all there, or not this tokenizer's.
    """
    if not hasattr(model, "get_input_embeddings") or not hasattr(model, "generate"):
        raise ImplantError(
            f"{type(model).__name__} is no language model of transformers: load it with "
            "AutoModelForCausalLM"
        )
    if model.get_output_embeddings() is None or "input_ids" not in accepted_arguments(model):
        raise ImplantError(
            f"{type(model).__name__} has no language modelling head: load it with "
            "AutoModelForCausalLM, or AutoModelForSeq2SeqLM"
        )
    _check_devices(model)
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ImplantError(
            f"the tokenizer has {len(tokenizer)} tokens but the model {rows} embedding rows: "
            "is it this model's tokenizer?"
        )


def _check_devices(model: Any) -> None:
    devices = {parameter.device.type for parameter in model.parameters()}
    if "meta" in devices:
        raise ImplantError(
            "some of the model's weights are on no device (meta): load it without offloading"
        )
    if len(devices) > 1 and getattr(model, "hf_device_map", None) is None:
        raise ImplantError(
            f"the model's weights lie on {' and '.join(sorted(devices))}: move it to one device "
            "with model.to(…), or load it with device_map"
        )
