"""`ifrs doctor`: what is installed here, what works, and what is missing."""

from __future__ import annotations

import os
import platform
import re
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from ifrs import _core
from ifrs.cli.libraries import importing
from ifrs.cli.options import Json, examples
from ifrs.cli.output import EXIT_NO, EXIT_YES, print_json, print_rows, say
from ifrs.errors import IfrsError

EXAMPLES = examples(
    "ifrs doctor",
    "ifrs doctor --extra train --extra api",
    "ifrs doctor --keyring keyring.ifrs --json",
)
# What a requirement begins with, and the extra that it belongs to.
_NAME, _EXTRA = re.compile(r"[A-Za-z0-9._-]+"), re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_PASSPHRASE = "IFRS_PASSPHRASE"
_ENVIRONMENT = (_PASSPHRASE, "IFRS_API_KEY", "IFRS_STATE_DIR", "HF_HUB_OFFLINE", "OMP_NUM_THREADS")
# What says nothing of itself is only said to be set.
_SECRET = frozenset({_PASSPHRASE, "IFRS_API_KEY"})
# Extras for those who work on ifrs.
_OURS = frozenset({"dev"})
# Missing packages of an extra that are named; the others are counted.
_NAMED = 3

Row = dict[str, str]


def command(
    extra: Annotated[
        list[str] | None,
        typer.Option(help="Exit with 1 if this extra is incomplete. May be repeated."),
    ] = None,
    keyring: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this keyring's file, too.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what works here, and how to mend the rest; with options, what they ask for alone.

    Exit code 0: all that you asked for works; 1: an extra of --extra or the keyring does not.
    """
    extras = list(_extras())
    known = {row["name"] for row in extras}
    for name in extra or ():
        if name not in known:
            raise IfrsError(f"there is no extra {name!r}; there are {', '.join(sorted(known))}")
    rows = [*_core_rows(), *_torch_rows(), *_state_rows(), *_environment_rows(), *extras]
    if keyring is not None:
        rows.append(_keyring_row(keyring))
    asked = {*(extra or ()), *([str(keyring)] if keyring is not None else [])}
    shown = [row for row in rows if not asked or row["name"] in asked]
    if as_json:
        print_json(shown)
    else:
        print_rows(shown, ("name", "state", "what"))
    bad = [row for row in rows if row["state"] != "ok" and row["name"] in asked]
    for row in bad:
        say(f"ifrs: {row['name']}: {row['what']}", err=True)
    raise typer.Exit(EXIT_NO if bad else EXIT_YES)


def _row(name: str, what: str, state: str = "ok") -> Row:
    return {"name": name, "state": state, "what": what}


def _core_rows() -> Iterator[Row]:
    yield _row("ifrs", f"{_core.__version__}, at {Path(__file__).parents[1]}")
    yield _row("Python", f"{platform.python_version()}, {sys.executable}")
    yield _row("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    fastest, *others = _core.scoring_paths()
    yield _row("scoring", f"by {fastest}" + (f"; {', '.join(others)} work, too" if others else ""))


def _torch_rows() -> Iterator[Row]:
    """What models would run on."""
    try:
        with importing(IfrsError("missing")):
            import torch
    except IfrsError:
        what = "not installed: planting and local models need pip install 'ifrs[train]'"
        yield _row("torch", what, "missing")
        return
    yield _row("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("Apple GPU (mps)")
    yield _row("accelerator", ", ".join(names) or "none found: models run on the processor")


def _state_rows() -> Iterator[Row]:
    """Where it is remembered which version of each keyring was seen last."""
    folder = _core.state_folder()
    if folder is None:
        what = "there is no home folder: set IFRS_STATE_DIR, or an older copy goes unnoticed"
        yield _row("state folder", what, "missing")
        return
    place = Path(folder)
    nearest = next(path for path in (place, *place.parents) if path.exists())
    if place.exists() and not place.is_dir():
        yield _row("state folder", f"{place} is no folder: set IFRS_STATE_DIR", "bad")
    elif os.access(nearest, os.W_OK):
        yield _row("state folder", str(place) if place.exists() else f"{place}, made when needed")
    else:
        what = f"{place} cannot be written: set IFRS_STATE_DIR, or an older copy goes unnoticed"
        yield _row("state folder", what, "bad")


def _environment_rows() -> Iterator[Row]:
    for name in _ENVIRONMENT:
        value = os.environ.get(name)
        if value is not None:
            yield _row(name, "set" if name in _SECRET else value)


def _extras() -> Iterator[Row]:
    """Every extra of ifrs, with what of it is missing."""
    wanted: dict[str, list[str]] = {}
    for requirement in metadata.requires("ifrs") or ():
        found = _EXTRA.search(requirement)
        if found and found[1] not in _OURS and _applies(requirement, found[1]):
            wanted.setdefault(found[1], []).append(requirement.partition(";")[0].strip())
    for extra, requirements in sorted(wanted.items()):
        # An extra that names others meets a package more than once.
        problems = dict(found for one in requirements for found in _problems(one, wanted))
        if problems:
            yield _row(extra, f"{_said(problems)}: pip install 'ifrs[{extra}]'", "missing")
        else:
            yield _row(extra, "all there")


def _said(problems: dict[str, str | None]) -> str:
    """Packages by name, with what is wrong with the version that is there; None if none is."""
    missing = [name for name, wrong in problems.items() if wrong is None]
    wrong = [f"{name} is {text}" for name, text in problems.items() if text is not None]
    if len(missing) > _NAMED:
        missing = [*missing[:_NAMED], f"{len(missing) - _NAMED} more"]
    if missing:
        *first, last = missing
        wrong.append(
            f"{', '.join(first)} and {last} are missing" if first else f"{last} is missing"
        )
    return ", ".join(wrong)


def _applies(requirement: str, extra: str) -> bool:
    """Whether a requirement is one on this machine."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return True
    marker = Requirement(requirement).marker
    return marker is None or bool(marker.evaluate({"extra": extra}))


def _problems(requirement: str, extras: dict[str, list[str]]) -> Iterator[tuple[str, str | None]]:
    """What a requirement lacks, as `_said` takes it; of an extra that names others, of those."""
    match = _NAME.match(requirement)
    name = match[0] if match else requirement
    if name == "ifrs":
        for other in re.findall(r"[\w-]+", requirement.partition("[")[2].partition("]")[0]):
            for inner in extras.get(other, ()):
                yield from _problems(inner, extras)
        return
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        yield name, None
        return
    if not _suits(requirement, version):
        yield name, f"{version}, not {requirement.removeprefix(name).strip()}"


def _suits(requirement: str, version: str) -> bool:
    """Whether an installed version will do; taken as such where that cannot be found out."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return True
    return bool(Requirement(requirement).specifier.contains(version, prereleases=True))


def _keyring_row(path: Path) -> Row:
    """Whether a keyring's file is there, readable, and nobody else's."""
    try:
        facts = path.stat()
    except OSError as error:
        return _row(str(path), f"cannot be looked at: {error.strerror}", "bad")
    if not stat.S_ISREG(facts.st_mode):
        return _row(str(path), "is no file", "bad")
    if not os.access(path, os.R_OK | os.W_OK):
        return _row(str(path), "cannot be read and written by you", "bad")
    if os.name == "posix" and stat.S_IMODE(facts.st_mode) & 0o077:
        return _row(str(path), f"is open to others: chmod 600 {path}", "bad")
    if not path.read_bytes()[:64].startswith(b"age-encryption.org/v1"):
        return _row(str(path), "is no age file: keyrings are", "bad")
    return _row(str(path), f"{facts.st_size} bytes, encrypted, yours alone")
