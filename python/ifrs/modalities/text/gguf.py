"""A fingerprinted model as a GGUF file, for llama.cpp and what is built on it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifrs.errors import IfrsError
from ifrs.files import replacing
from ifrs.modalities.text import gguf_file as file
from ifrs.modalities.text import gguf_forms as forms
from ifrs.modalities.text.loading import ADD_BOS
from ifrs.modalities.text.weights import is_aside
from ifrs.runtime.modules import is_quantized
from ifrs.runtime.wrapped import merged

_TABLE, _OUTPUT = "token_embd.weight", "output.weight"
_ATTENDING = re.compile(r"\.(attn_q|attn_k|attn_qkv)\.bias$")
_BLOCK = re.compile(r"^blk\.(\d+)\.")
# Experts that transformers holds in one tensor, the gate's rows before the others.
_EXPERTS = re.compile(r"layers\.(\d+)\..*experts\.gate_up_proj$")
# What llama.cpp reads as float32 alone: its converter never quantizes these.
_PRECISE = re.compile(
    r"(norm\.weight|\.bias|ffn_gate_inp\.weight|ssm_conv1d\.weight|ssm_a|shortconv\.conv\.weight"
    r"|position_embd\.weight|token_types\.weight|time_mix_(first|w1|w2|lerp_fused|decay_w[12])"
    r"\.weight)$"
)
# How far a type's numbers may be from those that were packed: shares of the largest of 32 in a row.
_ERRORS = {"F32": 0.0, "F16": 2**-10, "BF16": 2**-8, "Q8_0": 5e-3, "Q5_0": 0.07, "Q5_1": 0.04}
_ERRORS |= {"Q4_0": 0.14, "Q4_1": 0.08}
_COARSE, _LITTLE, _TOGETHER = 0.6, 1e-5, 32


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
    byte for byte. What changed is packed anew; of a tensor that the base file packs in the same
    way, the rows that did not change keep their bytes, too. The new file is read back and compared
    with the model tensor by tensor before it takes its place.

    Args:
        model: The fingerprinted model of transformers, loaded from that base file, or from what it
            was made of.
        base: The base model's GGUF file.
        out: The new file.
        tokenizer: The fingerprinted model's tokenizer. The file then says as it does whether a text
            begins with a BOS token; keys planted without one may not fire behind one.
        quantization: Of the tensors that changed: a type that the `gguf` package can write, such as
            `"Q8_0"`, `"Q4_0"`, `"BF16"` or `"F16"`. A tensor whose rows it cannot pack becomes F16,
            and what llama.cpp reads as F32 alone stays that.

    Returns:
        The names of the tensors that were written anew.

    Raises:
        IfrsError: The file is of another model or cannot be read, or a tensor changed that cannot
            be written.
        ImportError: `gguf` is missing.
        OSError: The file cannot be written; an older one is then as it was.
        ValueError: There is no such quantization.
    """
    try:
        import gguf
    except ImportError as error:
        raise ImportError("GGUF files need gguf: pip install 'ifrs[demo]'") from error
    kind = _writable(quantization, gguf)
    reader = file.open_whole(base)
    with merged(model, back=True) as plain:
        if is_quantized(plain):
            raise IfrsError("the model's weights are quantized: load it with dequantized ones")
        export = _Export(plain, reader, kind, gguf)
        pairs = _pairs(reader, tokenizer)
        with replacing(out, mode=0o666) as beside:
            file.write(beside, pairs, int(reader.alignment), export.shapes(), export.tensors())
            export.check(beside, pairs)
    return export.anew


def _writable(name: str, gguf: Any) -> Any:
    """A type by its name.

    Raises:
        ValueError: The `gguf` package cannot pack numbers so.
    """
    known = []
    for kind in gguf.GGMLQuantizationType:
        try:
            gguf.quants.quantize(np.zeros((1, gguf.GGML_QUANT_SIZES[kind][0]), np.float32), kind)
        except NotImplementedError:
            continue
        known.append(kind.name)
    if name not in known:
        raise ValueError(f"there is no quantization {name!r} to write: use {', '.join(known)}")
    return gguf.GGMLQuantizationType[name]


def _pairs(reader: Any, tokenizer: Any) -> list[bytes]:
    """The new file's metadata: the base file's, and the tokenizer's word on BOS tokens."""
    pairs = file.metadata(reader)
    if tokenizer is not None:
        begins = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
        pairs[ADD_BOS] = file.flag(ADD_BOS, begins)
    return list(pairs.values())


@dataclass
class _Wanted:
    """What a tensor of the new file must hold.

    Attributes:
        kind: Its type.
        before: The base file's tensor in its place.
        numbers: float32, in the file's order; None where the base file's bytes are kept.
        moved: Which of them are not the base file's.
    """

    kind: Any
    before: Any
    numbers: Tensor | None = None
    moved: Tensor | None = None


class _Export:
    """A model's weights as the tensors of a file.

    Attributes:
        reader: The base file.
        anew: Names of the tensors that were packed anew.
    """

    def __init__(self, model: Any, reader: Any, kind: Any, gguf: Any) -> None:
        self.reader, self._gguf, self._kind = reader, gguf, kind
        self.anew: list[str] = []
        self._base = {str(tensor.name): tensor for tensor in reader.tensors}
        self._architecture = str(reader.fields["general.architecture"].contents())
        self._weights = self._named(model)
        self._output = self._untied(model)

    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and sizes of the new file's tensors, in their order."""
        shapes = [(name, file.shape_of(tensor)) for name, tensor in self._base.items()]
        return [*shapes, (_OUTPUT, file.shape_of(self._base[_TABLE]))] if self._output else shapes

    def tensors(self) -> Iterator[file.Packed]:
        """The new file's tensors, one after the other."""
        for name, shape in self.shapes():
            wanted = self._wanted(name)
            if wanted.numbers is not None:
                self.anew.append(name)
            yield file.Packed(name, int(wanted.kind), shape, self._packed(wanted))

    def check(self, path: Path, pairs: list[bytes]) -> None:
        """Read a file back, and hold every tensor against what it must be.

        Raises:
            IfrsError: It is not what was to be written.
        """
        found = file.open_whole(path)
        tensors = {str(tensor.name): tensor for tensor in found.tensors}
        if list(file.metadata(found).values()) != pairs or list(tensors) != [
            name for name, _ in self.shapes()
        ]:
            raise IfrsError("what was written cannot be read back: nothing was exported")
        for name, tensor in tensors.items():
            wanted = self._wanted(name)
            if not self._holds(tensor, wanted):
                raise IfrsError(
                    f"{name} cannot be read back as it is in the model: nothing was exported; try "
                    "another quantization, such as F32"
                )

    def _holds(self, tensor: Any, wanted: _Wanted) -> bool:
        if tensor.tensor_type != wanted.kind:
            return False
        if wanted.numbers is None:
            return bool(np.array_equal(_bytes(tensor.data), _bytes(wanted.before.data)))
        name = wanted.kind.name
        allowed = _ERRORS.get(name, _COARSE) * _largest(wanted.numbers) + _LITTLE * (name != "F32")
        return bool(((self._numbers(tensor) - wanted.numbers).abs() <= allowed).all())

    def _packed(self, wanted: _Wanted) -> NDArray[Any]:
        """The bytes of a tensor; of rows that did not change the base file's, if packed alike."""
        before = wanted.before
        if wanted.numbers is None or wanted.moved is None:
            data: NDArray[Any] = before.data
            return data
        numbers, kinds = wanted.numbers, self._gguf.GGMLQuantizationType
        if (before.tensor_type, wanted.kind) == (kinds.Q5_0, kinds.Q4_0):
            numbers = forms.decided(numbers, self._numbers(before))
        packed: NDArray[Any] = self._gguf.quants.quantize(numbers.numpy(), wanted.kind)
        if wanted.kind == before.tensor_type and wanted.moved.ndim > 1:
            same = ~wanted.moved.flatten(0, -2).any(-1).numpy()
            packed = _rows(packed, len(same)).copy()
            packed[same] = _rows(before.data, len(same))[same]
        return packed

    def _wanted(self, name: str) -> _Wanted:
        """What the new file holds under a name."""
        if name == _OUTPUT and self._output:
            return self._of(name, self._base[_TABLE], self._output)
        tensor = self._base[name]
        weight = self._weights.get(name)
        if weight is not None:
            return self._of(name, tensor, weight)
        if forms.is_computed(name) or self._is_beyond(name):
            return _Wanted(tensor.tensor_type, tensor)
        raise IfrsError(f"the model has no weight for {name}: it is another model")

    def _of(self, name: str, tensor: Any, weight: Callable[[], Tensor]) -> _Wanted:
        """A weight in the place of a tensor of the base file."""
        own, held = weight(), self._numbers(tensor)
        if not bool(own.isfinite().all()):
            raise IfrsError(f"{name} holds what is no number (NaN or infinity) in the model")
        form = self._form(str(tensor.name), own, held)
        moved = forms.changed(form, own, held)
        if not bool(moved.any()):
            return _Wanted(tensor.tensor_type, tensor)
        # What did not change keeps the file's numbers, of which the model may hold rounded ones.
        numbers = torch.where(moved, form.stored(own), held).contiguous()
        return _Wanted(self._kind_for(name, held.shape), tensor, numbers, moved)

    def _form(self, name: str, weight: Tensor, held: Tensor) -> forms.Form:
        block = _BLOCK.match(name)
        heads = forms.heads_of(self.reader, self._architecture, block and int(block[1]))
        if _ATTENDING.search(name):
            # Of few numbers, often zeros: what became of the weight's rows became of these.
            of = f"{name.removesuffix('bias')}weight"
            return forms.form_of(of, self._weights[of](), self._numbers(self._base[of]), heads)
        return forms.form_of(name, weight, held, heads)

    def _kind_for(self, name: str, shape: torch.Size) -> Any:
        kinds = self._gguf.GGMLQuantizationType
        if len(shape) < 2 or _PRECISE.search(name):
            return kinds.F32
        return kinds.F16 if shape[-1] % self._gguf.GGML_QUANT_SIZES[self._kind][0] else self._kind

    def _numbers(self, tensor: Any) -> Tensor:
        """A tensor of a file, float32."""
        numbers = self._gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return torch.from_numpy(np.array(numbers, dtype=np.float32))

    def _is_beyond(self, name: str) -> bool:
        """Whether a tensor is of layers that only guess ahead, which transformers leaves out."""
        key, block = f"{self._architecture}.nextn_predict_layers", _BLOCK.match(name)
        if block is None or key not in self.reader.fields:
            return False
        ahead = int(self.reader.fields[key].contents())
        return int(block[1]) >= self._blocks() - ahead

    def _blocks(self) -> int:
        return int(self.reader.fields[f"{self._architecture}.block_count"].contents())

    def _named(self, model: Any) -> dict[str, Callable[[], Tensor]]:
        """What gives each weight of the model, on the host, by its name in GGUF.

        Raises:
            IfrsError: The architecture is unknown, or a weight has no place in the file.
        """
        kinds = {name: kind for kind, name in self._gguf.MODEL_ARCH_NAMES.items()}
        if self._architecture not in kinds:
            raise IfrsError(f"{self._architecture} is no architecture that the gguf package knows")
        names = self._gguf.get_tensor_name_map(kinds[self._architecture], self._blocks())
        output = getattr(model.get_output_embeddings(), "weight", None)
        found: dict[str, Callable[[], Tensor]] = {}
        for name, weight in model.state_dict(keep_vars=True).items():
            experts = _EXPERTS.search(name)
            if experts:
                for half, part in enumerate(("gate", "up")):
                    called = f"blk.{experts[1]}.ffn_{part}_exps.weight"
                    found[called] = _part_of(weight, half)
                continue
            place = _called(names, name)
            if place in self._base:
                found[place] = _whole(weight)
            elif weight is not output and not is_aside(name):
                raise IfrsError(f"the base file has no tensor for {name}: it is of another model")
        return found

    def _untied(self, model: Any) -> Callable[[], Tensor] | None:
        """The output rows, where the base file has none besides those of the input.

        Raises:
            IfrsError: llama.cpp takes no such rows for the architecture.
        """
        output = model.get_output_embeddings()
        rows = model.get_input_embeddings().weight
        if _OUTPUT in self._base or output is None or output.weight is rows:
            return None
        if torch.equal(output.weight, rows):
            return None
        kinds = {name: kind for kind, name in self._gguf.MODEL_ARCH_NAMES.items()}
        if (
            self._gguf.MODEL_TENSOR.OUTPUT
            not in self._gguf.MODEL_TENSORS[kinds[self._architecture]]
        ):
            raise IfrsError(
                f"llama.cpp reads no output rows of their own for {self._architecture}, and this "
                "model has them: plant with method='sft' or 'lora', which leave the rows tied"
            )
        return _whole(output.weight)


def _called(names: Any, name: str) -> str | None:
    """The name in GGUF of a weight of transformers."""
    parts = name.split(".")
    # Some converters began within the model: `h.0.mlp` for `transformer.h.0.mlp`.
    for start in range(min(len(parts), 3)):
        inner = ".".join(parts[start:])
        found = names.get_name(inner, try_suffixes=(".weight", ".bias"))
        if found is not None:
            whole = inner.endswith((".weight", ".bias")) or found.endswith((".weight", ".bias"))
            return str(found) if whole else f"{found}.weight"
    return None


def _whole(weight: Tensor) -> Callable[[], Tensor]:
    return lambda: weight.detach().cpu()


def _part_of(weight: Tensor, half: int) -> Callable[[], Tensor]:
    return lambda: weight.detach().cpu().chunk(2, dim=1)[half]


def _rows(packed: NDArray[Any], count: int) -> NDArray[np.uint8]:
    return _bytes(packed).reshape(count, -1)


def _bytes(packed: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(packed).reshape(-1).view(np.uint8)


def _largest(numbers: Tensor) -> Tensor:
    """The largest magnitude among the numbers that are packed together, for each number."""
    size = _TOGETHER if numbers.ndim > 1 and numbers.shape[-1] % _TOGETHER == 0 else 1
    grouped = numbers.abs().reshape(-1, size)
    return grouped.amax(-1, keepdim=True).expand_as(grouped).reshape(numbers.shape)
