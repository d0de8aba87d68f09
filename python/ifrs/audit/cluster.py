"""An audit's units on a Ray cluster: those that are ready run at the same time.

All nodes see model, data and `out` under the same paths. The set lies sealed in `out` while the
audit runs, and Ray carries what opens it: neither shows a key without the other. Workers write
planted models; records are written from here alone. Workers raise nothing, since Ray logs what is
raised.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.attempt import failed_unit, run_unit, said
from ifrs.audit.bench import Bench
from ifrs.audit.record import Record
from ifrs.audit.settings import Given
from ifrs.audit.subject import Folder
from ifrs.audit.turns import Turns
from ifrs.audit.unit import Unit
from ifrs.files import replacing
from ifrs.keyring import keyring_of
from ifrs.packed import Packed, pack, sets_of
from ifrs.plant.methods import METHODS
from ifrs.runtime.cluster import Room, cluster

_OTHER_SET = "the cluster was given another set than the audit: pass Cluster.of(fps)"


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster for an audit, and the set that its units ask about.

    Attributes:
        packed: The set for workers.
        room: What one unit takes of a node.
    """

    packed: Packed = field(repr=False)
    room: Room = field(default_factory=Room)

    @classmethod
    def of(cls, fps: FingerprintSet, *, cpus: float = 1.0, gpus: float | None = None) -> Cluster:
        """For a set of an open keyring, whose journal says that the set was exported.

        Args:
            fps: The set.
            cpus: Cores for each unit.
            gpus: Devices for each unit; None for one where the cluster has any.

        Raises:
            ValueError: The set's keyring is closed, or cores or devices are none.
            KeyringError: The keyring cannot be written.
        """
        ring = keyring_of(fps)
        if ring is None or ring.closed:
            raise ValueError("workers need the set from its keyring: keep it open until here")
        return cls(pack(ring, [fps.name]), Room(cpus, gpus))

    @contextmanager
    def workers(self) -> Iterator[Workers]:
        """Connect; what still runs at the end is given up.

        Raises:
            TargetError: There is no cluster, none of its nodes has room, or Ray is not installed.
        """
        with cluster() as ray, ExitStack() as ends:
            self.room.require(ray)
            yield Workers(ray, self, ends)


@dataclass(frozen=True)
class Shared:
    """What all units have in common, as it travels: no key, and nothing that holds one in clear."""

    sealed: Path
    passphrase: str = field(repr=False)
    subject: Folder
    out: Path
    given: Given = field(repr=False)
    digest: str
    methods: dict[str, str]


@dataclass(frozen=True)
class Task:
    """One unit, and the Unix time after which it must not start."""

    unit: Unit
    latest: float


class Workers:
    """The cluster, connected."""

    def __init__(self, ray: Any, cluster: Cluster, ends: ExitStack) -> None:
        """Use `Cluster.workers`."""
        self._ray, self._cluster, self._ends = ray, cluster, ends
        self._running: dict[Any, tuple[Unit, float]] = {}

    def slots(self) -> int:
        """How many units the cluster holds at the same time, as it is now."""
        return max(1, self._cluster.room.slots(self._ray))

    def records(self, bench: Bench, turns: Turns) -> Iterator[Record]:
        """Records of units as they end; each unit starts when it is ready and a place is free."""
        ray = self._ray
        shared = ray.put(self._shared(bench))
        ask = ray.remote(**self._cluster.room.on(ray), max_retries=0)(work)
        self._ends.callback(self._cancel)
        while True:
            while len(self._running) < self.slots() and (unit := turns.take()) is not None:
                if unit.skip is not None:
                    yield self._ended(turns, unit, run_unit(bench, unit))
                    continue
                task = Task(unit, time.time() + turns.slack(unit))
                self._running[ask.remote(task, shared)] = unit, time.monotonic()
            if not self._running:
                return
            (done,), _ = ray.wait(list(self._running), num_returns=1)
            unit, started = self._running.pop(done)
            record = self._result(bench, done, unit, started)
            if record is None:
                turns.put_off(unit)
            else:
                yield self._ended(turns, unit, record)

    @staticmethod
    def _ended(turns: Turns, unit: Unit, record: Record) -> Record:
        turns.ended(unit, record)
        return record

    def _shared(self, bench: Bench) -> Shared:
        """Lay the sealed set into the folder; what travels names it by its whole path."""
        assert isinstance(bench.subject, Folder)  # a server is asked from where the keyring is
        packed, out = self._cluster.packed, bench.out.absolute()
        sealed = out / f".cluster-{time.time_ns():x}.ifrs"
        with replacing(sealed) as beside:
            beside.write_bytes(packed.keyring)
        self._ends.callback(sealed.unlink, missing_ok=True)
        return Shared(
            sealed=sealed,
            passphrase=packed.passphrase,
            subject=bench.subject.absolute(),
            out=out,
            given=_absolute(bench.given),
            digest=bench.digest,
            methods=dict(METHODS),
        )

    def _result(self, bench: Bench, done: Any, unit: Unit, started: float) -> Record | None:
        try:
            record: Record | None = self._ray.get(done)
            return record
        except self._ray.exceptions.RayError as error:
            # A worker that died: for want of memory, mostly.
            why = f"the worker ended ({type(error).__name__}): give each unit more of a node"
            return failed_unit(unit, bench.digest, bench.subject, why, time.monotonic() - started)

    def _cancel(self) -> None:
        for task in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(task, force=True)


def _absolute(given: Given) -> Given:
    """What was given, by whole paths and without a keyring."""
    files = given.task_files
    whole = None if files is None else str(Path(files).absolute())
    return replace(given, ring=None, task_files=whole)


# Of the last audit that this process worked for: with the model that it compares with.
_bench: tuple[Path, Bench] | None = None


def work(task: Task, shared: Shared) -> Record | None:
    """What a worker does; None where it is too late to start."""
    if time.time() > task.latest:
        return None
    unit, started = task.unit, time.monotonic()
    known = unit, shared.digest, shared.subject
    try:
        METHODS.update(shared.methods)
        bench = _bench_of(shared)
        if bench.digest != shared.digest:
            return failed_unit(*known, _OTHER_SET)
        return run_unit(bench, unit)
    except Exception as error:
        return failed_unit(*known, said(error), time.monotonic() - started)


def _bench_of(shared: Shared) -> Bench:
    global _bench
    if _bench is None or _bench[0] != shared.sealed:
        _bench = None
        packed = Packed(shared.sealed.read_bytes(), shared.passphrase)
        with packed.opened() as ring:
            (fps,) = sets_of(ring).values()
        _bench = shared.sealed, Bench(shared.subject, fps, shared.out, shared.given)
    return _bench[1]
