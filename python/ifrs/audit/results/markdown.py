"""docs/results/results.md from the records of an audit, whole, by one command.

python -m ifrs.audit.results.markdown audit-out docs/results/results.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ifrs.audit.record import DONE, Record
from ifrs.audit.results.advice import advice
from ifrs.audit.results.cells import Table
from ifrs.audit.results.expected import checks
from ifrs.audit.results.plots import plots
from ifrs.audit.results.tables import tables
from ifrs.files import write_text
from ifrs.pages import words

_COMMAND = "make audit DATA=…"


def write_results(out: Path, target: Path, command: str = _COMMAND) -> None:
    """Write the results and their plots, from what is stored in an audit's folder.

    Raises:
        FileNotFoundError: There is no record.
        OSError: A file cannot be written.
    """
    path = out / "audit.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    records = [Record.from_json(row) for row in rows]
    if not records:
        raise FileNotFoundError(f"there is no audit in {out}: ifrs audit makes one")
    drawn = plots(records)
    folder = target.parent / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("audit-*.svg"):
        old.unlink()
    for name, (_, svg) in drawn.items():
        write_text(folder / f"audit-{name}.svg", svg)
    images = [f"![{caption}](plots/audit-{name}.svg)" for name, (caption, _) in drawn.items()]
    write_text(target, _text(records, images, out.name, command))


def _text(records: Sequence[Record], images: Sequence[str], folder: str, command: str) -> str:
    parts = [
        "# Results",
        "What the audit measured; every figure is of this one run. Regenerate this file with "
        f"`python -m ifrs.audit.results.markdown {folder} docs/results/results.md` after "
        f"`{command}`.",
        _bullets(_facts(records, command)),
    ]
    found = checks(records)
    if found:
        rows = tuple((c.expected, c.found, c.verdict) for c in found)
        note = "Stated before measuring; what did not hold is said so."
        title = "What was expected, and what was found"
        parts.append(_table(Table(title, note, ("expected", "found", ""), rows)))
    said = advice(records)
    if said:
        parts += ["## Recommendations", "Derived from the tables below.", _bullets(said)]
    if images:
        parts += ["## At a glance", *images]
    parts += [_table(table) for table in tables(records)]
    return "\n\n".join(parts) + "\n"


def _facts(records: Sequence[Record], command: str) -> list[str]:
    done = [record for record in records if record.status == DONE]
    machines = {
        f"{r.machine['device']}, {r.machine['processor']}, {r.machine['cores']} cores, torch "
        f"{r.machine['torch']}, Python {r.machine['python']}"
        for r in records
    }
    data = {name for r in done for name in (r.settings.get("data") or {}) if name != "data"}
    data |= {r.case for r in done if "file" in r.settings}
    notes = sorted({r.note for r in done if r.note and r.note.startswith("bundled")})
    subjects = {f"{r.subject['kind']} `{r.subject['name']}`" for r in records}
    return [
        f"Command: `{command}`",
        f"Subject: {', '.join(sorted(subjects))}",
        f"Data: {', '.join(sorted(data)) or 'none given'}"
        + (f" ({'; '.join(notes)})" if notes else ""),
        f"Machine: {'; '.join(sorted(machines))}",
        f"{len(done)} units measured in {words.duration(sum(r.seconds for r in done))}; "
        f"{len(records) - len(done)} not measured, with reasons at the end",
        "One run, one seed, one set of keys: differences of a key or two between methods are "
        "within chance (the Clopper-Pearson interval of 10 of 10 begins at 69 %)",
    ]


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(table: Table) -> str:
    head = f"| {' | '.join(table.columns)} |\n|{' --- |' * len(table.columns)}"
    rows = "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows)
    return f"## {table.title}\n\n{table.note}\n\n{head}\n{rows}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """The command of this module's head."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="the audit's folder")
    parser.add_argument("target", type=Path, help="the file to write")
    parser.add_argument("--command", default=_COMMAND, help="what made the audit")
    options = parser.parse_args()
    write_results(options.out, options.target, options.command)


if __name__ == "__main__":
    main()
