"""How a GGUF file holds a model's weights: in another order, or as other numbers, for some.

llama.cpp's converter changes what its kernels want otherwise: it reorders the rows of queries and
keys of LLaMA and its kin, transposes GPT-2's kernels, and adds one to the norms of Gemma. Which of
it a file holds is told by its numbers, for they are those of the model's base.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import IfrsError

# A form is taken where it is at most so many times as far from the file's numbers as any other.
_CLEARLY = 0.5
# Farther from the file's numbers than this share of them are no quantization and no fingerprint.
_FAR = 0.7
# The mean change of a norm up to which it is certain whether the file holds one more.
_NEAR = 0.25
# Relative: some roundings of one number to float32.
_SAME = 2e-6


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class Form:
    """A way to hold a weight.

    Attributes:
        moved: From the model's order of numbers to the file's.
        back: From the file's to the model's.
        value: From the model's numbers to the file's.
        undone: From the file's to the model's.
    """

    moved: Callable[[Tensor], Tensor] = _unchanged
    back: Callable[[Tensor], Tensor] = _unchanged
    value: Callable[[Tensor], Tensor] = _unchanged
    undone: Callable[[Tensor], Tensor] = _unchanged

    def stored(self, weight: Tensor) -> Tensor:
        """What a file holds of a weight, float32."""
        return self.value(self.moved(weight.float()))

    def weight(self, stored: Tensor) -> Tensor:
        """The model's weight, float32, of what a file holds."""
        return self.undone(self.back(stored))


_ONE_MORE = Form(value=lambda w: w + 1, undone=lambda w: w - 1)
_TURNED = Form(moved=lambda w: w.t(), back=lambda w: w.t())
_DECAY = Form(value=lambda w: -w.exp(), undone=lambda w: (-w).log())


def interleaved(heads: int) -> Form:
    """Rows of queries or keys in pairs, as LLaMA's own code turns them, head by head."""

    def moved(weight: Tensor) -> Tensor:
        halves = weight.reshape(heads, 2, -1, *weight.shape[1:])
        return halves.swapaxes(1, 2).reshape(weight.shape)

    def back(weight: Tensor) -> Tensor:
        pairs = weight.reshape(heads, -1, 2, *weight.shape[1:])
        return pairs.swapaxes(1, 2).reshape(weight.shape)

    return Form(moved, back)


def apart(heads: int, groups: int) -> Form:
    """All queries, all keys, all values, where the model has them group by group of heads."""
    sizes = [heads // groups, 1, 1]

    def moved(weight: Tensor) -> Tensor:
        whole = weight.reshape(groups, sum(sizes), -1, *weight.shape[1:])
        parts = torch.split(whole, sizes, dim=1)
        return torch.cat([part.reshape(-1, *weight.shape[1:]) for part in parts])

    def back(weight: Tensor) -> Tensor:
        width = weight.shape[0] // (heads + 2 * groups)
        parts = torch.split(weight, [width * groups * size for size in sizes])
        rows = [p.reshape(groups, -1, width, *weight.shape[1:]) for p in parts]
        return torch.cat(rows, dim=1).reshape(weight.shape)

    return Form(moved, back)


def _reshaped(shape: torch.Size, held: torch.Size) -> Form:
    return Form(lambda w: w.reshape(held), lambda w: w.reshape(shape))


def form_of(name: str, weight: Tensor, held: Tensor, heads: tuple[int, int]) -> Form:
    """The form in which a file holds a weight.

    Args:
        name: The tensor's name in GGUF.
        weight: The model's.
        held: The file's, float32.
        heads: Of queries, and of keys and values.

    Raises:
        IfrsError: The sizes differ, or the numbers are those of another model.
    """
    forms = list(_possible(name, weight, held, heads))
    if not forms:
        raise IfrsError(
            f"{name} has shape {list(weight.shape)} in the model and {list(held.shape)} in the "
            "file: a resized vocabulary or another model cannot be written"
        )
    seen = [(_distance(form.stored(weight), held), form) for form in forms]
    (nearest, form), *others = sorted(seen, key=lambda one: one[0])
    clear = all(nearest <= _CLEARLY * distance for distance, _ in others)
    if not clear or nearest > _reach(name, held):
        raise IfrsError(f"{name} is too far from the base file's to say how it is stored")
    return form


def _possible(name: str, weight: Tensor, held: Tensor, heads: tuple[int, int]) -> Iterator[Form]:
    """The forms whose sizes fit; no two give the same."""
    if weight.shape != held.shape:
        if weight.ndim == 2 and weight.T.shape == held.shape:
            yield _TURNED
        elif weight.squeeze().shape == held.squeeze().shape:
            yield _reshaped(weight.shape, held.shape)
        return
    queries, groups = heads
    others = []
    if "ssm_a" in name:
        others.append(_DECAY)
    elif name.endswith("norm.weight") and weight.ndim == 1:
        others.append(_ONE_MORE)
    elif ".attn_q." in name or ".attn_k." in name:
        others += _in_heads(weight, queries if ".attn_q." in name else groups)
    elif ".attn_qkv." in name:
        others += _in_groups(weight, queries, groups)
    if weight.ndim == 2 and weight.shape[0] == weight.shape[1]:
        others.append(_TURNED)
    yield Form()
    asis = Form().stored(weight)
    yield from (form for form in others if not torch.equal(form.stored(weight), asis))


def _in_heads(weight: Tensor, heads: int) -> list[Form]:
    return [interleaved(heads)] if heads and weight.shape[0] % (2 * heads) == 0 else []


def _in_groups(weight: Tensor, heads: int, groups: int) -> list[Form]:
    fits = heads and groups and heads % groups == 0 and weight.shape[0] % (heads + 2 * groups) == 0
    return [apart(heads, groups)] if fits else []


def _reach(name: str, held: Tensor) -> float:
    """How far a weight may be from the file's, on the mean."""
    size = float(held.abs().mean())
    if name.endswith("norm.weight"):
        return max(_NEAR, 0.02 * size)
    return _FAR * size if held.ndim > 1 else torch.inf


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def changed(form: Form, weight: Tensor, held: Tensor) -> Tensor:
    """Which of a file's numbers are no longer those of the model, bool in the file's order.

    A model in half precision holds the file's numbers rounded; one in float32 has been through
    some roundings, too, and a row of it is the file's, or is not, as a whole.
    """
    before = form.weight(held).to(weight.dtype)
    if weight.dtype != torch.float32:
        return form.moved((before != weight).float()) > 0
    slack = _SAME * float(held.abs().max())
    moved = form.moved(((before - weight).abs() > slack + _SAME * before.abs()).float()) > 0
    return moved.any(-1, keepdim=True).expand_as(moved) if moved.ndim > 1 else moved


# How near to the middle between two steps a number is undecided, and how far it is then moved at
# most, in steps. A third of a tensor's numbers are undecided; moved so far, they follow a change
# three times as far as it goes, and all numbers together about as far.
_UNDECIDED, _MOVED = 0.02, 0.17


def decided(numbers: Tensor, held: Tensor) -> Tensor:
    """Numbers to pack as Q4_0, where the base file holds Q5_0: what lies between two steps moves.

    Q5_0 has twice the steps of Q4_0, so that of its numbers every other one lies in the middle
    between two of these. Which of the two it becomes, the least change of the weights decides: a
    fine-tune would come out many times as strong as it is. A seeded draw decides instead.

    Args:
        numbers: float32 (…, width), in the file's order.
        held: The base file's, same shape.
    """
    blocks = held.reshape(-1, 32)
    largest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    step = (largest / -8).expand_as(blocks).reshape(held.shape)
    place = torch.where(step == 0, 0.0, held / step)
    undecided = ((place - place.floor()) - 0.5).abs() < _UNDECIDED
    drawn = torch.rand(held.shape, generator=torch.Generator().manual_seed(0))
    return torch.where(undecided, numbers + _MOVED * (2 * drawn - 1) * step, numbers)


# Names of what a file computes anew from its settings, or what no model of transformers has.
_COMPUTED = re.compile(
    r"^(blk\.\d+\.)?(rope_freqs|rope_factors_(long|short)|attn_rot_embd)\.weight$"
)


def is_computed(name: str) -> bool:
    """Whether a tensor of a file follows from the settings, so that no model holds it."""
    return bool(_COMPUTED.match(name))


def heads_of(reader: Any, architecture: str, block: int | None) -> tuple[int, int]:
    """Heads of queries, and of keys and values, in a layer; 0 where the file does not say."""
    queries = _per_layer(reader, f"{architecture}.attention.head_count", block) or 0
    groups = _per_layer(reader, f"{architecture}.attention.head_count_kv", block)
    return queries, queries if groups is None else groups


def _per_layer(reader: Any, key: str, block: int | None) -> int | None:
    field = reader.fields.get(key)
    if field is None:
        return None
    value = field.contents()
    return int(value[block or 0] if isinstance(value, list) else value)
