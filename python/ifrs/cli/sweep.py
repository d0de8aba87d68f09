"""`ifrs sweep`: ask many suspects under several sets, and show one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifrs.cli.access import Access, Door, require_keyring
from ifrs.cli.libraries import importing
from ifrs.cli.listing import suspects_of
from ifrs.cli.options import KeyringPath, Longest, examples
from ifrs.cli.output import EXIT_ERROR, EXIT_NO, EXIT_YES, print_json, print_rows, say
from ifrs.cli.suspects import LocalOptions, ServerOptions
from ifrs.cli.verify import FOREIGN_DECOYS, LOCAL_DECOYS, Alpha, Decoys, Temperature
from ifrs.errors import TargetError
from ifrs.files import write_json
from ifrs.progress import progress
from ifrs.sweep.listing import read_list

if TYPE_CHECKING:
    from ifrs.keyring import Keyring
    from ifrs.sweep.row import Row
    from ifrs.sweep.suspects import Suspect
    from ifrs.sweep.sweeping import Options, Sweep, Todo

EXAMPLES = examples(
    "ifrs sweep suspects.txt keyring.ifrs release-1 --out swept",
    "ifrs sweep suspects.txt keyring.ifrs release-1 release-2 --out swept --servers 4",
)
_MOST_SHOWN = 100  # rows on a terminal
_STDOUT = Path("-")


@dataclass(frozen=True)
class Judging:
    """How suspects are asked, and judged."""

    max_queries: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Query at most so many keys of a set per suspect. Default: all for a local model; "
            "for a server the fewest whose silence means no match.",
        ),
    ] = None
    alpha: Alpha = 1e-6
    decoys: Decoys = None
    temperature: Temperature = 0.0
    max_new_tokens: Longest = None

    def options(self) -> Options:
        """As `ifrs.verify` takes them."""
        from ifrs.sweep.sweeping import Options

        fixed = {
            "alpha": self.alpha,
            "temperature": self.temperature,
            "max_new_tokens": self.max_new_tokens,
        }
        return Options(
            server={**fixed, "decoys": self.decoys or FOREIGN_DECOYS},
            local={
                **fixed,
                "decoys": self.decoys or LOCAL_DECOYS,
                "max_queries": self.max_queries,
            },
            most=self.max_queries,
        )

    def settings(self) -> dict[str, Any]:
        """What a resumed sweep must have in common with its first run."""
        return {
            "alpha": self.alpha,
            "decoys": self.decoys,
            "temperature": self.temperature,
            "max_new_tokens": self.max_new_tokens,
        }


@dataclass(frozen=True)
class Running:
    """Where the work is done."""

    workers: Annotated[int, typer.Option(min=1, help="Local models in memory at a time.")] = 1
    servers: Annotated[int, typer.Option(min=1, help="Servers asked at a time.")] = 8
    ray: Annotated[
        bool,
        typer.Option(
            "--ray",
            help="Ask local models on the Ray cluster of RAY_ADDRESS, or of this machine.",
        ),
    ] = False
    ray_cpus: Annotated[float, typer.Option(help="With --ray: cores for each model.")] = 1.0
    ray_gpus: Annotated[
        float | None,
        typer.Option(help="With --ray: GPUs for each model. Default: 1 where the cluster has any."),
    ] = None


def command(
    listed: Annotated[
        Path,
        typer.Argument(
            metavar="SUSPECTS",
            help="A text file with one suspect a line: a folder, a GGUF file, a model id, or a "
            "server's address with options, such as http://localhost:8000/v1 model=NAME.",
        ),
    ],
    path: KeyringPath,
    names: Annotated[list[str], typer.Argument(metavar="NAMES...", help="Fingerprint sets.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for reports, table and page. A sweep that is there is resumed.",
        ),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the table here, too; without FILE print it."
        ),
    ] = None,
    *,
    judging: Judging,
    running: Running,
    server: ServerOptions,
    local: LocalOptions,
    access: Access,
) -> None:
    """Ask many suspects under several sets, and show one table.

    Options of servers and models hold for every line that gives no value of its own, such as
    model=NAME, mode=completions or dtype=bfloat16. The same command resumes an interrupted sweep:
    what is done stays done, what failed is tried again, and no key is sent twice. Exit code 0:
    some suspect matches; 1: none does; 2: none does, and some rows are open.
    """
    from ifrs.sweep.store import Store
    from ifrs.sweep.sweeping import Sweep, require_sweepable
    from ifrs.sweep.table import table, write_table

    require_keyring(path)
    suspects, again = suspects_of(listed, read_list(listed), server, local)
    for line in again:
        say(f"ifrs: {line}", err=True)
    _require_libraries(suspects, running)
    door = Door(access, path)
    with door.open() as ring:
        sets = {name: ring[name] for name in names}
        for fps in sets.values():
            require_sweepable(fps)
        store = Store(out, judging.settings(), list(sets.values()))
        try:
            sweep = Sweep(store, sets, suspects, judging.options())
            try:
                _run(sweep, ring, door, running)
            finally:
                made = table(sweep.rows(), judging.settings())
                write_table(out, made)
        finally:
            store.close()
    if json_file is not None and json_file != _STDOUT:
        write_json(json_file, made)
    rows = sweep.rows()
    print_json(made) if json_file == _STDOUT else _show(rows, out)
    raise typer.Exit(_exit(rows))


def _require_libraries(suspects: Sequence[Suspect], running: Running) -> None:
    """Say what is missing before a key is spent, or hours are."""
    from ifrs.pages.environment import environment
    from ifrs.runtime.cluster import cluster

    environment("ifrs.pages", "api")
    if running.ray:
        with cluster():
            pass
    elif any(not suspect.served for suspect in suspects):
        with importing(TargetError("local models need torch: pip install 'ifrs[train]'")):
            import ifrs.modalities.text.suspect  # noqa: F401


def _run(sweep: Sweep, ring: Keyring, door: Door, running: Running) -> None:
    """Models at hand, then servers, which spend keys, then what brings code of its own.

    The keyring is closed while a stranger's files are read, and what opens it is forgotten before
    a stranger's code runs.
    """
    said = _say_forecast(sweep, ring, [])
    asking = _Locals(sweep, ring, running)
    ring.close()
    total = sum(map(len, sweep.left.values()))
    with progress("sweeping", total) as (advance, note):

        def on_row(row: Row) -> None:
            advance(1)
            note(f"{row.suspect}: {row.verdict}")

        asking.ask(sweep.todo(lambda one: not (one.served or one.brings_code)), on_row)
        if sweep.todo(lambda one: one.served):
            with door.open() as again:
                _say_forecast(sweep, again, said)
                sweep.ask_servers(sweep.shares(again), again, running.servers, on_row)
        door.forget()
        asking.ask(sweep.todo(lambda one: one.brings_code), on_row)


def _say_forecast(sweep: Sweep, ring: Keyring, before: list[str]) -> list[str]:
    """Say how far keys go, unless it was said before; nothing is spent yet."""
    lines = sweep.forecast(sweep.shares(ring))
    for line in lines if lines != before else []:
        say(f"ifrs: {line}", err=True)
    return lines


class _Locals:
    """Asks models at hand, here or on a cluster, under keys that nobody has seen by now."""

    def __init__(self, sweep: Sweep, ring: Keyring, running: Running) -> None:
        from ifrs.packed import pack

        self._sweep, self._running, self._local = sweep, running, sweep.local(ring)
        any_left = running.ray and sweep.todo(lambda one: not one.served)
        self._packed = pack(ring, list(sweep.sets)) if any_left else None

    def ask(self, items: Sequence[Todo], on_row: Callable[[Row], None]) -> None:
        from ifrs.runtime.cluster import Room
        from ifrs.sweep.cluster import ask_on_cluster
        from ifrs.sweep.sweeping import ask_locals

        if not items:
            return
        if self._packed is None:
            ask_locals(self._sweep, items, self._local, self._running.workers, on_row)
            return
        room = Room(self._running.ray_cpus, self._running.ray_gpus)
        ask_on_cluster(self._sweep, items, self._local, self._packed, room, on_row)


def _show(rows: Sequence[Row], out: Path) -> None:
    """The table for people; of a long one, what matches."""
    from ifrs.sweep.table import PAGE

    counts = Counter(row.verdict for row in rows)
    shown = list(rows)
    if len(rows) > _MOST_SHOWN:
        shown = [row for row in rows if row.verdict == "match"][:_MOST_SHOWN]
    if shown:
        columns = ("suspect", "set", "verdict", "p", "FSR", "queries", "note")
        print_rows(map(_cells, shown), columns)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    say(f"{said}; the table is {out / PAGE}")


def _cells(row: Row) -> dict[str, object]:
    from ifrs.pages.words import p_value, percent

    return {
        "suspect": row.suspect,
        "set": row.set,
        "verdict": row.verdict,
        "p": "–" if row.log10_p is None else p_value(row.log10_p),
        "FSR": "–" if row.fsr is None else percent(row.fsr),
        "queries": row.queries,
        "note": row.note,
    }


def _exit(rows: Sequence[Row]) -> int:
    verdicts = {row.verdict for row in rows}
    if "match" in verdicts:
        return EXIT_YES
    return EXIT_NO if verdicts == {"no match"} else EXIT_ERROR
