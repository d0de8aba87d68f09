"""A fingerprinted model as a GGUF file, for llama.cpp and what is built on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import IfrsError
from ifrs.files import replacing
from ifrs.modalities.text.loading import ADD_BOS

_HEADER = ("GGUF.", "general.architecture", "general.name")
# llama.cpp stores rows of these architectures' queries and keys in another order than transformers.
_REORDERED = {"llama", "mistral3", "granite", "cohere2"}
_QUERIES_AND_KEYS = (".attn_q.", ".attn_k.")
_SAME = 1e-5  # relative: two roundings of one number to float32
# The mean change of a norm up to which it is certain that the file holds one more than the model.
_NEAR = 0.25


def export_gguf(
    model: Any,
    base: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    tokenizer: Any = None,
    quantization: str = "Q8_0",
) -> list[str]:
    """Write a model that was fingerprinted from a GGUF file as a GGUF file again.

    The base file gives metadata, tokenizer and every tensor that the fingerprint left as it was,
    in the base file's own quantization; what changed is quantized anew.

    Args:
        model: The fingerprinted model of transformers, loaded from that base file.
        base: The base model's GGUF file.
        out: The new file.
        tokenizer: The fingerprinted model's tokenizer. The file then says as it does whether a text
            begins with a BOS token; keys planted without one may not fire behind one.
        quantization: Of the tensors that changed: a type of the `gguf` package, such as `"Q8_0"`,
            `"Q4_0"` or `"F16"`.

    Returns:
        The names of the tensors that were written anew.

    Raises:
        IfrsError: The file is of another model, or a tensor changed that cannot be written.
        ImportError: `gguf` is missing.
        OSError: The file cannot be written; an older one is then as it was.
        ValueError: There is no such quantization.
    """
    try:
        import gguf
    except ImportError as error:
        raise ImportError("GGUF files need gguf: pip install 'ifrs[demo]'") from error
    if quantization not in gguf.GGMLQuantizationType.__members__:
        raise ValueError(f"there is no quantization {quantization!r}: try Q8_0")
    kind = gguf.GGMLQuantizationType[quantization]
    reader = gguf.GGUFReader(base)
    architecture = str(reader.fields["general.architecture"].contents())
    with replacing(out) as beside:
        writer = gguf.GGUFWriter(beside, architecture)
        _copy_metadata(reader, writer, tokenizer, gguf)
        changed = []
        for tensor, weight in _tensors(reader, model, architecture, gguf):
            if weight is None:
                writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
                continue
            changed.append(str(tensor.name))
            data = gguf.quants.quantize(weight, kind) if weight.ndim > 1 else weight
            raw = kind if weight.ndim > 1 else gguf.GGMLQuantizationType.F32
            writer.add_tensor(tensor.name, data, raw_dtype=raw)
        changed += _add_output(reader, writer, model, kind, gguf)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return changed


def _copy_metadata(reader: Any, writer: Any, tokenizer: Any, gguf: Any) -> None:
    if tokenizer is not None:
        begins = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
        writer.add_add_bos_token(begins)
    for field in reader.fields.values():
        if field.name.startswith(_HEADER) or (tokenizer is not None and field.name == ADD_BOS):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)


def _tensors(
    reader: Any, model: Any, architecture: str, gguf: Any
) -> Iterator[tuple[Any, NDArray[np.float32] | None]]:
    """Every tensor of the base file, with the model's weights where they differ."""
    weights = dict(_named_weights(reader, model, architecture, gguf))
    for tensor in reader.tensors:
        if tensor.name not in weights:
            raise IfrsError(f"the model has no weight for {tensor.name}: it is another model")
        weight = weights[tensor.name]
        before = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if before.shape != weight.shape:
            raise IfrsError(
                f"{tensor.name} has shape {weight.shape} in the model and {before.shape} in the "
                "file: a resized vocabulary cannot be written"
            )
        stored = weight + _offset(before, weight) if weight.ndim == 1 else weight
        if _alike(before, stored):
            yield tensor, None
        elif architecture in _REORDERED and any(part in tensor.name for part in _QUERIES_AND_KEYS):
            raise IfrsError(f"{tensor.name} changed, which cannot be written for {architecture}")
        elif weight.ndim == 1 and _distance(before, stored) > _NEAR:
            raise IfrsError(
                f"{tensor.name} is too far from the base file's to say how it is stored"
            )
        else:
            yield tensor, stored


def _offset(before: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """What the file's weights have more than the model's: some architectures store a norm's + 1."""
    return 1.0 if _distance(before, weight + 1) < _distance(before, weight) else 0.0


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).mean())


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return bool(np.allclose(one, other, rtol=_SAME, atol=_SAME * float(np.abs(one).max())))


def _named_weights(
    reader: Any, model: Any, architecture: str, gguf: Any
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    blocks = int(reader.fields[f"{architecture}.block_count"].contents())
    names = gguf.get_tensor_name_map(kinds[architecture], blocks)
    for name, weight in model.state_dict().items():
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is not None:
            yield found, weight.detach().float().cpu().numpy()


def _add_output(reader: Any, writer: Any, model: Any, kind: Any, gguf: Any) -> list[str]:
    """The output rows, where they are no longer those of the input."""
    name = "output.weight"
    rows, output = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    if rows is output or any(tensor.name == name for tensor in reader.tensors):
        return []
    table = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    weight = output.detach().float().cpu().numpy()
    if _alike(gguf.quants.dequantize(table.data, table.tensor_type), weight):
        writer.add_tensor(name, table.data, raw_dtype=table.tensor_type)
        return []
    writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)
    return [name]
