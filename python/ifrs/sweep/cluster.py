"""A sweep's models on a Ray cluster: each is loaded once, on a node that has room for it.

Servers are asked from here, for here alone is the keyring, and here alone its journal is written.
Workers get the sets to ask about, sealed and without the seed, and send sealed reports back. What
they print stays with them, and they raise nothing, since Ray logs what is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ifrs.files import json_text, write_bytes
from ifrs.keyring import Keyring
from ifrs.packed import Packed, sets_of
from ifrs.prove.report import Report
from ifrs.runtime.cluster import Room, cluster
from ifrs.sweep.asking import Local, Problem
from ifrs.sweep.row import ERROR, Row
from ifrs.sweep.suspects import Suspect
from ifrs.sweep.sweeping import OnRow, Sweep, Todo

_TRIES = 1  # again, where a node is lost


@dataclass(frozen=True)
class Task:
    """What a worker gets: one suspect, and the sets to ask it about."""

    suspect: Suspect
    names: list[str]
    free: dict[str, list[int]]
    options: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What comes back about one set: the row and the sealed report, if there is one."""

    row: Row
    sealed: bytes | None = field(repr=False)


def work(task: Task, packed: Packed) -> list[Found]:
    """What a worker does. It raises nothing."""
    problem, found = Problem(), list[Found]()
    with problem.swallowed(), packed.opened() as ring:
        reports: dict[str, bytes] = {}

        def save(name: str, report: Report) -> Row:
            reports[name] = ring.seal(json_text(report.to_json()).encode())
            return Row.of_report(task.suspect, report, "")

        local = Local(sets_of(ring), task.free, task.options)
        for row in local.ask(task.suspect, task.names, save):
            found.append(Found(row, reports.get(row.set)))
    missing = task.names[len(found) :]
    return found + [Found(Row.without(task.suspect, n, ERROR, problem), None) for n in missing]


def ask_on_cluster(
    sweep: Sweep, items: Sequence[Todo], local: Local, packed: Packed, room: Room, on_row: OnRow
) -> None:
    """Ask models at hand on the cluster that Ray finds.

    Folders and files of suspects lie under the same path on every node.

    Raises:
        TargetError: There is no cluster, none of its nodes has room, or Ray is not installed.
        OSError: A file cannot be written.
    """
    with cluster() as ray, packed.opened() as ring:
        room.require(ray)
        ask = ray.remote(**room.on(ray), max_retries=_TRIES)(work)
        sealed = ray.put(packed)
        tasks = {
            ask.remote(Task(suspect, names, local.free, local.options), sealed): (suspect, names)
            for suspect, names in items
        }
        while tasks:
            (done,), _ = ray.wait(list(tasks), num_returns=1)
            suspect, names = tasks.pop(done)
            for found in _result(ray, done, suspect, names):
                row = _kept(sweep, suspect, found, ring)
                sweep.store.add(row)
                on_row(row)


def _result(ray: Any, done: Any, suspect: Suspect, names: list[str]) -> list[Found]:
    try:
        found: list[Found] = ray.get(done)
        return found
    except ray.exceptions.RayError as error:
        # A worker that died: for want of memory, mostly.
        why = f"the worker ended ({type(error).__name__}): give it more memory"
        return [Found(Row.without(suspect, name, ERROR, why), None) for name in names]


def _kept(sweep: Sweep, suspect: Suspect, found: Found, ring: Keyring) -> Row:
    if found.sealed is None:
        return found.row
    data = ring.unseal(found.sealed, source="a worker's report")
    write_bytes(sweep.store.report_path(suspect, found.row.set), data)
    return replace(found.row, report=sweep.store.report_file(suspect, found.row.set))
