"""Memory kept from step to step instead of handed back to the kernel."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ifrs.runtime.memory import resident_memory_bytes

# Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_KEEP = ((_TRIM_THRESHOLD, -1), (_MMAP_MAX, 0))
# Where glibc's own adaptation ends in a process that frees large tensors.
_ADAPTED = ((_MMAP_MAX, 65536), (_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 64 << 20))
# How much larger a process may become before its fragments are given back.
_GROWTH = 1.1

_inside = 0
# In bytes; 0 until the next look at the process says how large it is without fragments.
_limit = 0.0


@contextmanager
def kept_memory(device: torch.device) -> Iterator[None]:
    """Reuse what a CPU's steps free, within the context; all of it goes back at the end.

    glibc maps tensors as wide as a vocabulary anew each time, and the kernel zeroes every page of
    them: that took as long as the arithmetic. Nothing happens on an accelerator, without glibc,
    or where the user set malloc by the environment.
    """
    libc = _glibc() if device.type == "cpu" else None
    if libc is None:
        yield
        return
    global _inside, _limit
    _inside += 1
    _set(libc, _KEEP)
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            _limit = 0.0
            _set(libc, _ADAPTED)
            libc.malloc_trim(0)


def tidy(*, now: bool = False) -> None:
    """Give fragments back once there are too many; to be called between passes.

    Args:
        now: However few there are, because other work begins.
    """
    global _limit
    if not _inside:
        return
    size = resident_memory_bytes()
    if (now or size > _limit > 0) and (libc := _glibc()):
        libc.malloc_trim(0)
        _limit = 0.0
    elif not _limit:
        _limit = _GROWTH * size


def _glibc() -> Any:
    """The C library, if it is one whose malloc this may set."""
    settled = "GLIBC_TUNABLES" in os.environ or any(n.startswith("MALLOC_") for n in os.environ)
    return None if settled or platform.libc_ver()[0] != "glibc" else ctypes.CDLL(None)


def _set(libc: Any, parameters: tuple[tuple[int, int], ...]) -> None:
    for parameter, value in parameters:
        libc.mallopt(parameter, value)
