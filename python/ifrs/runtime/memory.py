"""Peak memory, and what fits into the rest."""

from __future__ import annotations

import sys
from typing import Any

import torch

from ifrs.modalities.text.model import device_of

# Passes of more tokens are hardly faster: on two cores, four times as many by a fifteenth.
_MOST_TOKENS, _MOST_ON_CPU = 1024, 256
_LEAST_TOKENS = 64
# Numbers that a layer keeps for the way back, for each of the model's width.
_KEPT = 34
# The share of free memory to fill: gradients and logits need some, too.
_SHARE = 0.4


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


def tokens_that_fit(model: Any) -> int:
    """About how many tokens one training pass may hold."""
    most = _MOST_ON_CPU if device_of(model).type == "cpu" else _MOST_TOKENS
    return min(max(_fitting(model), _LEAST_TOKENS), most)


def useful_pass_fits(model: Any) -> bool:
    """Whether memory takes a training pass of at least one fingerprint."""
    return _fitting(model) >= _LEAST_TOKENS


def _fitting(model: Any) -> int:
    free = free_memory_bytes(device_of(model))
    config = model.config.get_text_config()
    layers, width = (getattr(config, name, None) for name in ("num_hidden_layers", "hidden_size"))
    if free is None or not layers or not width:
        return _MOST_TOKENS
    size = 2 if model.dtype in (torch.bfloat16, torch.float16) else 4
    return int(_SHARE * free / (_KEPT * layers * width * size))
