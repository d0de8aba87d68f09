"""One unit, run: whatever goes wrong in it stands in its record."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ifrs.audit.bench import Bench
from ifrs.audit.record import DONE, FAILED, SKIPPED, Record, Skip
from ifrs.audit.subject import Subject
from ifrs.audit.unit import Found, Unit
from ifrs.clock import now
from ifrs.errors import IfrsError
from ifrs.runtime.memory import kept_memory


def run_unit(bench: Bench, unit: Unit) -> Record:
    """Run one unit; whatever goes wrong in it stands in its record, not in the way of others."""
    started, begun, busy = now(), time.monotonic(), time.process_time()
    status, reason, found = SKIPPED, unit.skip, Found([])
    if unit.skip is None:
        with kept_memory(torch.device("cpu")), _freed():
            status, reason, found = _attempt(bench, unit)
    return _record(
        unit,
        bench.digest,
        bench.subject,
        status=status,
        reason=reason,
        note=found.note,
        started=started,
        seconds=round(time.monotonic() - begun, 2),
        cpu_seconds=round(time.process_time() - busy, 2),
        measures=found.measures,
    )


def failed_unit(
    unit: Unit, digest: str, subject: Subject, why: str, seconds: float = 0.0
) -> Record:
    """The record of a unit that could not make one itself.

    Args:
        unit: The unit.
        digest: Of subject and set.
        subject: What is audited.
        why: What went wrong.
        seconds: From its start to its end.
    """
    taken = {"started": now(), "seconds": round(seconds, 2), "cpu_seconds": 0.0}
    return _record(unit, digest, subject, status=FAILED, reason=why, **taken)


def said(error: BaseException) -> str:
    """An error in one line."""
    line = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {line[:300]}"


def machine() -> dict[str, Any]:
    """What it ran on; a class of machine, not a machine."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _record(unit: Unit, digest: str, subject: Subject, **found: Any) -> Record:
    return Record(
        suite=unit.suite,
        case=unit.case,
        method=unit.method,
        settings=unit.settings,
        digest=unit.digest(digest),
        subject=subject.describe(),
        estimate=round(unit.seconds * subject.scale, 2),
        machine=machine(),
        threat=unit.threat,
        **found,
    )


@contextmanager
def _freed() -> Iterator[None]:
    """Free what a unit held, whether it succeeds or not."""
    try:
        yield
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _attempt(bench: Bench, unit: Unit) -> tuple[str, str | None, Found]:
    try:
        if unit.needs is not None and not bench.has(unit.needs):
            raise Skip(f"{unit.needs} was not planted: see effectiveness/plant/{unit.needs}")
        return DONE, None, unit.run(bench)
    except Skip as reason:
        return SKIPPED, str(reason), Found([])
    except (
        IfrsError,
        OSError,
        ValueError,
        RuntimeError,
        ImportError,
        NotImplementedError,
    ) as error:
        if os.environ.get("IFRS_DEBUG"):
            raise
        return FAILED, said(error), Found([])
