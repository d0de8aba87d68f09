"""`ifrs verify`: ask a suspect, and say whether it descends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifrs.cli.access import Access, require_keyring
from ifrs.cli.options import KeyringPath, Longest, examples
from ifrs.cli.output import EXIT_ERROR, EXIT_NO, EXIT_YES, print_facts, print_json, say
from ifrs.cli.suspects import LocalOptions, ServerOptions, is_url
from ifrs.errors import EvidenceError, TargetError
from ifrs.files import require_regular
from ifrs.keyring import Keyring
from ifrs.modalities import kind_at

if TYPE_CHECKING:
    from ifrs import FingerprintSet, Report, Reports

EXAMPLES = examples(
    "ifrs verify suspect keyring.ifrs release-1 --html report.html",
    "ifrs verify http://localhost:8000/v1 keyring.ifrs release-1 --model theirs --json report.json",
    "ifrs verify suspect keyring.ifrs release-1 --adapter release.adapter.safetensors",
    "ifrs verify suspect keyring.ifrs release-1 release-1-natural",
)
_EXITS = {"match": EXIT_YES, "no match": EXIT_NO, "inconclusive": EXIT_ERROR}
LOCAL_DECOYS = 4095
# Each key sent to a server is spent, and decoys are cheap: more of them, fewer keys.
FOREIGN_DECOYS = 65_535
_DECOYS = (
    "Decoys for each response where only text is seen. "
    f"Default: {FOREIGN_DECOYS} for a server, {LOCAL_DECOYS} for a local model."
)
Alpha = Annotated[float, typer.Option(help="False-match rate that you allow.")]
Decoys = Annotated[int | None, typer.Option(help=_DECOYS)]
Temperature = Annotated[float, typer.Option(help="Sampling temperature of answers; 0 is greedy.")]
_STDOUT = Path("-")


@dataclass(frozen=True)
class Asking:
    """How a suspect is asked, and judged."""

    max_queries: Annotated[int | None, typer.Option(help="Query at most so many keys.")] = None
    alpha: Alpha = 1e-6
    decoys: Decoys = None
    temperature: Temperature = 0.0
    max_new_tokens: Longest = None
    sequential: Annotated[
        bool,
        typer.Option(help="Stop as soon as the evidence suffices. Fewer keys are spent."),
    ] = True
    questions: Annotated[
        int | None,
        typer.Option(
            help="Questions of each domain, of sets of source domain: 25, 50 or 100. "
            "Without it as many as the evidence needs."
        ),
    ] = None

    def options(self, decoys: int) -> dict[str, Any]:
        """As `ifrs.verify` takes them, with the number of decoys where none is given."""
        return {**asdict(self), "decoys": self.decoys or decoys}


def command(
    suspect: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_URL",
            help="The suspect: a folder, a GGUF file, a model id, or the address of an "
            "OpenAI-compatible server. An image classifier: a folder or an ONNX file.",
        ),
    ],
    path: KeyringPath,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="One or more fingerprint sets. With several, p is the best one times their "
            "number. With a server, the first match ends the query.",
        ),
    ],
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The publisher's private adapter.")
    ] = None,
    transformer: Annotated[
        str | None,
        typer.Option(help="With --adapter: the published folder, if it moved."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the report to this file; without FILE print it. With a server it is "
            "written after every answer, and an existing report is resumed; else it is not "
            "replaced. With several sets FILE has the verdict, and each report is written beside "
            "it as STEM.NAME.json.",
        ),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page here.")
    ] = None,
    *,
    asking: Asking,
    server: ServerOptions,
    local: LocalOptions,
    access: Access,
) -> None:
    """Ask a suspect, and say whether it descends from your model.

    Exit code 0: match; 1: no match; 2: inconclusive or error. A server's API key comes from
    IFRS_API_KEY, or from the variable that --api-key-env names. OPENAI_API_KEY goes to OpenAI
    alone. The keyring records a key as spent before it is sent to a server. No key is sent twice.
    """
    foreign = is_url(suspect)
    if foreign and adapter is not None:
        raise TargetError("an adapter needs the suspect's weights, and a server shows none")
    if server.api_key_env is not None and not foreign:
        raise TargetError("--api-key-env is for servers: a model at hand wants no key")
    require_keyring(path)
    reports = None if json_file in (None, _STDOUT) else json_file
    for file in (reports, html_file):
        if file is not None:
            require_regular(file)
    if not foreign and reports is not None:
        _spare_reports(reports, names)
    if foreign:
        target = server.suspect(suspect)
        options = asking.options(FOREIGN_DECOYS)
        with access.open(path) as ring:
            report = _verify(target, [ring[name] for name in names], options, reports)
    elif (kind := kind_at(suspect)) != "text":
        if adapter is not None:
            raise TargetError(f"--adapter is for language models, and {suspect} is none")
        target = local.suspect(kind, suspect)
        with access.open(path) as ring:
            sets, journal = [ring[name] for name in names], _Journal.of(ring, names)
        report = _verify(target, sets, {"ring": journal, **asking.options(LOCAL_DECOYS)})
    else:
        # Before the keyring is open: what a suspect's files do happens without it.
        loaded = local.load(suspect)
        from ifrs import LocalModel
        from ifrs.modalities.text.joining import read_adapter

        with access.open(path) as ring:
            sets, journal = [ring[name] for name in names], _Journal.of(ring, names)
            # It may be sealed for the keyring.
            own = None if adapter is None else read_adapter(adapter, ring)
        known = {"adapter": own, "transformer": transformer, "reference": local.tokenizer}
        target = LocalModel(*loaded, name=Path(suspect).name, **known)
        report = _verify(target, sets, {"ring": journal, **asking.options(LOCAL_DECOYS)})
    if html_file is not None:
        report.save_html(html_file)
    notes = _show(report, json_file)
    if report.verdict == "inconclusive" and notes:
        say(f"ifrs: inconclusive: {notes[-1]}", err=True)
    raise typer.Exit(_EXITS[report.verdict])


def _spare_reports(path: Path, names: Sequence[str]) -> None:
    """Refuse to replace a report: a later one may have asked fewer keys.

    Raises:
        FileExistsError: There is one.
    """
    from ifrs import Report
    from ifrs.prove.several import beside

    for file in [path] if len(names) == 1 else [beside(path, name) for name in names]:
        try:
            earlier = Report.load(file)
        except (EvidenceError, OSError):
            continue  # none of ours
        known = f"{earlier.target.get('name')} under {earlier.set.get('name')}"
        raise FileExistsError(f"{file} holds a report on {known}: choose another file")


def _verify(
    target: Any,
    sets: Sequence[FingerprintSet],
    options: Mapping[str, Any],
    resume: Path | None = None,
) -> Report | Reports:
    """Ask one set or several; `resume` is where the report is written while it comes about."""
    from ifrs import verify
    from ifrs.prove.several import ask_each, beside

    if len(sets) == 1:
        return verify(target, sets[0], resume=resume, **options)

    def one(fps: FingerprintSet, level: float) -> Report:
        own = None if resume is None else beside(resume, fps.name)
        return verify(target, fps, resume=own, **{**options, "alpha": level})

    stops = bool(options["sequential"]) and bool(getattr(target, "spends_keys", False))
    return ask_each(one, sets, options["alpha"], stops)


def _show(report: Report | Reports, json_file: Path | None) -> list[str]:
    """Write and print what was found; notes on it."""
    from ifrs import Report

    if isinstance(report, Report):
        whole, facts, notes = report.to_json(), _facts(report), report.notes
    else:
        whole = report.to_json(json_file or "report.json")
        each = {one.set["name"]: one.verdict for one in report}
        facts = {
            "verdict": report.verdict,
            "p_value": report.p_value,
            "log10_p": report.log10_p,
            "sets": ", ".join(f"{name}: {verdict}" for name, verdict in each.items()),
            "queries": len(report.queries),
        }
        if report.unasked:
            facts["unasked"] = ", ".join(report.unasked)
        notes = [note for one in report for note in one.notes]
    if json_file == _STDOUT:
        print_json(whole)
        return notes
    if json_file is not None:
        report.save(json_file)
    print_facts({**facts, "notes": " ".join(notes)} if notes else facts)
    return notes


def _facts(report: Report) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "log10_p": report.log10_p,
        "fsr": report.fsr,
        "fsr_interval": list(report.fsr_interval),
        "queries": len(report.queries),
        "evidence": report.kind,
    }


class _Journal(Keyring):
    """What the journal of a keyring that is closed by now said: which keys others have seen."""

    def __init__(self, spent: Mapping[str, list[int]]) -> None:
        self._spent = spent

    @classmethod
    def of(cls, ring: Keyring, names: Sequence[str]) -> _Journal:
        """What an open keyring's journal says of some sets."""
        return cls({name: ring.spent(name) for name in names})

    @property
    def closed(self) -> bool:
        return False

    def __contains__(self, name: object) -> bool:
        return name in self._spent

    def spent(self, name: str) -> list[int]:
        return self._spent[name]
