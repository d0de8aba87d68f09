"""Peak memory, what fits into the rest, and memory kept from step to step."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ifrs.runtime.modules import device_of, dtype_of

# Passes of more tokens are hardly faster on two cores: four times as many by a fifteenth, and by a
# fourth where sequences are short.
_MOST_TOKENS, _MOST_ON_CPU = 1024, 256
_LEAST_TOKENS = 64
# Numbers that a layer keeps for the way back, for each of the model's width.
_KEPT = 34
# The share of free memory to fill: gradients and logits need some, too.
_SHARE = 0.4

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


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory in use so far: of the accelerator on one, else of the process.

    0 where the system does not tell.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # What getrusage says begins, on Linux, with the peak of the process that started this one.
    own = _status("/proc/self/status").get("VmHWM")
    if own is not None:
        return own
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory_bytes() -> int:
    """Memory that this process has now; 0 where the system does not tell."""
    return _status("/proc/self/status").get("VmRSS", 0)


def free_memory_bytes(device: torch.device) -> int | None:
    """Memory that is free on a device; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return _status("/proc/meminfo").get("MemAvailable")


def _status(path: str) -> dict[str, int]:
    """Sizes in bytes from a file of the kernel's, by name; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            fields = [line.split() for line in file]
    except OSError:
        return {}
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in fields if row[2:] == ["kB"]}


def tokens_that_fit(model: Any, *, hurry: bool = False) -> int:
    """About how many tokens one training pass may hold.

    Args:
        model: The model.
        hurry: Let a CPU take as many as an accelerator: four times the memory, less time.
    """
    on_cpu = device_of(model).type == "cpu" and not hurry
    return min(max(_fitting(model), _LEAST_TOKENS), _MOST_ON_CPU if on_cpu else _MOST_TOKENS)


def useful_pass_fits(model: Any) -> bool:
    """Whether memory takes a training pass of at least one fingerprint."""
    return _fitting(model) >= _LEAST_TOKENS


def _fitting(model: Any) -> int:
    free = free_memory_bytes(device_of(model))
    config: Any = getattr(model, "config", None)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    layers, width = (getattr(text, name, None) for name in ("num_hidden_layers", "hidden_size"))
    if free is None or not layers or not width:
        return _MOST_TOKENS
    size = 2 if dtype_of(model) in (torch.bfloat16, torch.float16) else 4
    return int(_SHARE * free / (_KEPT * layers * width * size))


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


def release_fragments(*, now: bool = False) -> None:
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
