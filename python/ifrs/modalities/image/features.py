"""What the first trainable layer sees, computed once where all layers before it are frozen.

Those stay as they are then, and a step runs the later ones alone. Where the first layer is trained,
or an input goes past the frozen ones to a later one, a step goes through all of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.runtime.modules import Reached, instead, stopped

Whole = Callable[[Sequence[Tensor]], Tensor]

# Inputs in a pass.
_AT_ONCE = 64
# Bytes of features that are kept.
_MOST = 1 << 30
# What a network may raise that is run from its middle.
_UNFIT = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ImplantError)


@dataclass
class _Cut:
    """Where a network is cut.

    Attributes:
        first: The first module that is run in each step.
        before: The frozen modules that are not, none within another.
        seen: By an input's identity, the input, so that no other takes its place, and what `first`
            is given for it; for each arithmetic.
        size: Bytes of these.
    """

    first: Any
    before: list[Any]
    seen: dict[tuple[int, bool], tuple[Tensor, Tensor]] = field(default_factory=dict)
    size: int = 0

    def __post_init__(self) -> None:
        self._state = self._now()

    def stands(self) -> bool:
        """Whether no weight or statistic of the frozen modules was changed or put aside."""
        return self._state == self._now()

    def _now(self) -> list[tuple[int, int]]:
        tensors = (t for part in self.before for t in (*part.parameters(), *part.buffers()))
        return [(tensor.data_ptr(), tensor._version) for tensor in tensors]


class Features:
    """The inputs of a network's first trainable layer."""

    def __init__(self, module: Any) -> None:
        """Take a module; nothing is computed yet."""
        self._module = module
        self._trainable: frozenset[int] = frozenset()
        self._cut: _Cut | None = None

    def logits(self, inputs: Sequence[Tensor], whole: Whole) -> Tensor | None:
        """The network's answers, (inputs, classes); None where it is to be gone through whole.

        Args:
            inputs: One tensor each.
            whole: The module's logits of some inputs.
        """
        cut = self.cut(inputs, whole)
        if cut is None or not cut.stands():
            return None
        rows = _rows(cut, inputs, whole)
        with _begun(cut, torch.stack(rows)):
            return whole([inputs[0]] * len(inputs))

    def later(self, inputs: Sequence[Tensor], whole: Whole) -> list[Any]:
        """The modules that a step runs: all, or those that come after the frozen ones."""
        cut, modules = self.cut(inputs, whole), list(self._module.modules())
        frozen = set() if cut is None else {id(m) for part in cut.before for m in part.modules()}
        return [module for module in modules if id(module) not in frozen]

    def cut(self, inputs: Sequence[Tensor], whole: Whole) -> _Cut | None:
        """Where the network is cut, if anywhere; sought anew when other weights are trainable."""
        found = frozenset(id(p) for p in self._module.parameters() if p.requires_grad)
        if found != self._trainable:
            self._trainable = found
            self._cut = self._find([given.to(torch.float32) for given in inputs[:2]], whole)
        return self._cut

    def _find(self, inputs: Sequence[Tensor], whole: Whole) -> _Cut | None:
        """The last place that holds: a network that goes past it is cut earlier."""
        if not self._trainable or all(p.requires_grad for p in self._module.parameters()):
            return None
        entered = self._entered(inputs, whole)
        for first in reversed(entered):
            if not self._learns(first) or first is self._module:
                continue
            cut = _Cut(first, self._before(first, entered))
            if any(True for part in cut.before for _ in part.parameters()) and _holds(
                cut, inputs, whole
            ):
                return cut
        return None

    def _entered(self, inputs: Sequence[Tensor], whole: Whole) -> list[Any]:
        """Modules in the order in which a pass comes to them, up to the first weight that learns.

        A module that is entered more than once stands at its first place.
        """
        order: dict[int, Any] = {}

        def enter(module: Any, _: Any) -> None:
            order.setdefault(id(module), module)
            if any(id(p) in self._trainable for p in module.parameters(recurse=False)):
                raise Reached

        hooks = [module.register_forward_pre_hook(enter) for module in self._module.modules()]
        stopped(lambda: whole(inputs), hooks)
        return list(order.values())

    def _before(self, first: Any, entered: Sequence[Any]) -> list[Any]:
        """The frozen modules that are entered before one, none within another."""
        inside: set[int] = set()
        found = []
        for module in entered[: [id(m) for m in entered].index(id(first))]:
            if id(module) not in inside and not self._learns(module):
                found.append(module)
                inside.update(id(m) for m in module.modules())
        return found

    def _learns(self, module: Any) -> bool:
        return any(id(p) in self._trainable for p in module.parameters())


def _rows(cut: _Cut, inputs: Sequence[Tensor], whole: Whole) -> list[Tensor]:
    """What the first trained module is given for each input."""
    mixed = torch.is_autocast_enabled(next(cut.first.parameters()).device.type)
    rows = {
        id(given): cut.seen[id(given), mixed][1]
        for given in inputs
        if (id(given), mixed) in cut.seen
    }
    new = list({id(given): given for given in inputs if id(given) not in rows}.values())
    for start in range(0, len(new), _AT_ONCE):
        part = new[start : start + _AT_ONCE]
        for given, row in zip(part, _given(cut.first, part, whole), strict=True):
            rows[id(given)] = row
            if cut.size < _MOST:
                # A row of its own: a view would keep its whole batch.
                cut.seen[id(given), mixed] = given, row.clone()
                cut.size += row.nbytes
    return [rows[id(given)] for given in inputs]


def _given(first: Any, inputs: Sequence[Tensor], whole: Whole) -> Tensor:
    """What a module is given in a pass, which ends there.

    Raises:
        ValueError: It is not one tensor with one row for each input.
    """
    got: list[Any] = []

    def take(_: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        if not got:
            got.append(args[0] if len(args) == 1 and not options else None)
        raise Reached

    hook = first.register_forward_pre_hook(take, with_kwargs=True)
    stopped(lambda: whole(inputs), [hook])
    if not got or not isinstance(got[0], Tensor) or len(got[0]) != len(inputs):
        raise ValueError("the module is not given one row for each input")
    return got[0].detach()


@contextmanager
def _begun(cut: _Cut, rows: Tensor) -> Iterator[None]:
    """The network as if it had come to the first trained module with these rows."""
    reached = False

    def put(_: Any, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        nonlocal reached
        if reached:
            return None
        reached = True
        return (rows,)

    def skipping(forward: Callable[..., Any]) -> Callable[..., Any]:
        # The same module may be run again later: activations often are.
        return lambda *args, **options: forward(*args, **options) if reached else args[0]

    with ExitStack() as stack:
        for module in cut.before:
            stack.enter_context(instead(module, skipping(module.forward)))
        hook = cut.first.register_forward_pre_hook(put)
        stack.callback(hook.remove)
        yield


def _holds(cut: _Cut, inputs: Sequence[Tensor], whole: Whole) -> bool:
    """Whether the answers follow from what the first trained module is given alone."""
    try:
        with torch.no_grad():
            wanted = whole(inputs)
            with _begun(cut, _given(cut.first, inputs, whole)):
                found = whole([torch.zeros_like(given) for given in inputs])
    except _UNFIT:
        return False
    return found.shape == wanted.shape and torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)
