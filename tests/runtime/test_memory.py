"""Memory kept from step to step."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")

PROGRAM = """
import resource, sys, torch
from ifrs.runtime.memory import kept_memory, release_fragments

cpu = torch.device("cpu")

def faults(rounds=4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.ones(12 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

fresh = faults()
with kept_memory(cpu):
    faults(40)
    release_fragments()
    kept = faults()
    with kept_memory(cpu):
        pass
    inside = faults()
print(fresh, kept, inside, faults())
"""


def ran(**environment: str) -> list[int]:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(number) for number in found.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has what this sets")
def test_pages_are_asked_for_once() -> None:
    fresh, kept, inside, after = ran()
    assert kept < fresh / 10
    assert inside < fresh / 10
    assert after > fresh / 4


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has what this sets")
def test_a_user_who_set_malloc_keeps_his_settings() -> None:
    fresh, kept, _, _ = ran(MALLOC_TRIM_THRESHOLD_="131072")
    assert kept > fresh / 2
