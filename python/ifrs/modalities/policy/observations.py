"""Observations as a policy takes them, by its user's own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Observations = NDArray[Any]
# From observations (n, *shape) to the policy's inputs (n, …), such as VecNormalize.normalize_obs.
Processor = Callable[[Observations], Any]


def inputs_of(observations: Observations, processor: Processor | None) -> Observations:
    """Observations (n, *shape) as the policy will see them, (n, …), float32 or uint8.

    Raises:
        ValueError: The processor gave something else.
    """
    if processor is None:
        return np.ascontiguousarray(observations)
    given = processor(observations)
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    found = np.asarray(given)
    if found.dtype != np.uint8:
        found = found.astype(np.float32)
    if found.ndim == 0 or len(found) != len(observations):
        raise ValueError(
            f"the processor gave an array of shape {found.shape} for {len(observations)} "
            "observations: it must give one row for each"
        )
    if not np.isfinite(found).all():
        raise ValueError("the processor gave values that are no numbers (NaN or infinite)")
    return np.ascontiguousarray(found)


def stepwise(keys: Sequence[Observations]) -> Observations:
    """Keys as one array (keys, steps, *shape).

    Raises:
        ValueError: They are of different shapes.
    """
    try:
        return np.stack(list(keys))
    except ValueError as error:
        raise ValueError("keys are of different shapes: query the keys of one set") from error


def sequences(given: Any, shape: tuple[int, ...]) -> Iterator[Observations]:
    """What an agent saw, as sequences (steps, *shape), of one step where it is not said which.

    Args:
        given: Observations (n, *shape), all of a step each; a list of such arrays, episode by
            episode; or a list of single observations, of this shape. Arrays or tensors.
        shape: An observation's.

    Raises:
        ValueError: Something has another shape, or is no number.
    """
    whole = _array(given)
    if whole is not None and whole.shape[1:] == shape:
        yield from _numbers(whole)[:, None]
        return
    for item in _items(given if whole is None else whole):
        one = _array(item)
        if one is None or one.dtype == object:
            raise ValueError(
                f"ordinary observations hold a {type(item).__name__}: pass arrays or tensors"
            )
        if one.shape == shape:
            one = one[None]
        if one.shape[1:] != shape or not len(one):
            raise ValueError(
                f"ordinary observations hold an array of shape {one.shape}: the set's keys are "
                f"observations of shape {shape}"
            )
        yield _numbers(one)


def _numbers(given: Observations) -> Observations:
    """Observations as keys are: uint8, or float32."""
    if given.dtype == np.uint8:
        return given
    found = given.astype(np.float32)
    if not np.isfinite(found).all():
        raise ValueError("ordinary observations are no numbers (NaN or infinite)")
    return found


def _items(given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable):
        raise ValueError(
            f"ordinary observations are a {type(given).__name__}: pass an array or a list"
        )
    return given


def _array(given: Any) -> Observations | None:
    """An array or tensor as an array; None for anything else."""
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    return given if isinstance(given, np.ndarray) else None
