"""`ifrs verify`: ask a suspect, and say whether it descends."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifrs.cli.access import Access, require_keyring
from ifrs.cli.options import KeyringPath, SetName
from ifrs.cli.output import EXIT_ERROR, EXIT_NO, EXIT_YES, print_facts, print_json, say
from ifrs.cli.suspects import LocalOptions, ServerOptions, is_url
from ifrs.errors import TargetError
from ifrs.keyring import Keyring
from ifrs.modalities import kind_at

if TYPE_CHECKING:
    from ifrs import Report

_EXITS = {"match": EXIT_YES, "no match": EXIT_NO, "inconclusive": EXIT_ERROR}
LOCAL_DECOYS = 4095
# Each key sent to a server is spent, and decoys are cheap: more of them, fewer keys.
FOREIGN_DECOYS = 65_535
_STDOUT = Path("-")


@dataclass(frozen=True)
class Asking:
    """How a suspect is asked, and judged."""

    max_queries: Annotated[int | None, typer.Option(help="Ask under so many keys.")] = None
    alpha: Annotated[float, typer.Option(help="The false-match rate to stay below.")] = 1e-6
    decoys: Annotated[
        int | None,
        typer.Option(
            help="Decoys for each response where only text is seen; "
            f"{FOREIGN_DECOYS} for a server and {LOCAL_DECOYS} for a model at hand without it."
        ),
    ] = None
    temperature: Annotated[float, typer.Option(help="Of the answers; 0 for greedy.")] = 0.0
    max_new_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None
    sequential: Annotated[
        bool,
        typer.Option(help="Stop as soon as the evidence suffices, so that few keys are spent."),
    ] = True

    def options(self, decoys: int) -> dict[str, Any]:
        """As `ifrs.verify` takes them, with the number of decoys where none is given."""
        return {**asdict(self), "decoys": self.decoys or decoys}


def command(
    suspect: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_URL",
            help="Folder, GGUF file or id of the suspect, or the address of an OpenAI-compatible "
            "server, such as http://localhost:8000/v1. Image classifiers: a folder or ONNX file.",
        ),
    ],
    path: KeyringPath,
    name: SetName,
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The publisher's private adapter.")
    ] = None,
    transformer: Annotated[
        str | None,
        typer.Option(help="With --adapter: the published folder, if it is not where it was."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the report here. With a server it is written after every answer, and a "
            "file that is there already is gone on with.",
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
    """Verify a suspect. Exit code 0: match; 1: no match; 2: inconclusive or error.

    A server's API key comes from IFRS_API_KEY, or the variable that --api-key-env names; that of
    OPENAI_API_KEY goes to OpenAI alone. Fingerprint keys sent to a server are recorded as spent in
    the keyring before they leave, and never asked under again.
    """
    from ifrs import verify

    foreign = is_url(suspect)
    if foreign and adapter is not None:
        raise TargetError("an adapter needs the suspect's weights, and a server shows none")
    if server.api_key_env is not None and not foreign:
        raise TargetError("--api-key-env is for servers: a model at hand wants no key")
    require_keyring(path)
    if foreign:
        target = server.suspect(suspect)
        resume = None if json_file == _STDOUT else json_file
        options = {"resume": resume, **asking.options(FOREIGN_DECOYS)}
        with access.open(path) as ring:
            report = verify(target, ring[name], **options)
    elif (kind := kind_at(suspect)) != "text":
        if adapter is not None:
            raise TargetError(f"--adapter is for language models, and {suspect} is none")
        target = local.suspect(kind, suspect)
        with access.open(path) as ring:
            fps, journal = ring[name], _Journal(name, ring.spent(name))
        report = verify(target, fps, ring=journal, **asking.options(LOCAL_DECOYS))
    else:
        # Before the keyring is open: what a suspect's files do happens without it.
        loaded = local.load(suspect)
        from ifrs import LocalModel
        from ifrs.modalities.text.joining import read_adapter

        with access.open(path) as ring:
            fps, journal = ring[name], _Journal(name, ring.spent(name))
            # It may be sealed for the keyring.
            own = None if adapter is None else read_adapter(adapter, ring)
        known = {"adapter": own, "transformer": transformer, "reference": local.tokenizer}
        target = LocalModel(*loaded, name=Path(suspect).name, **known)
        report = verify(target, fps, ring=journal, **asking.options(LOCAL_DECOYS))
    if html_file is not None:
        report.save_html(html_file)
    _show(report, json_file)
    if report.verdict == "inconclusive" and report.notes:
        say(f"ifrs: inconclusive: {report.notes[-1]}", err=True)
    raise typer.Exit(_EXITS[report.verdict])


def _show(report: Report, json_file: Path | None) -> None:
    if json_file == _STDOUT:
        print_json(report.to_json())
        return
    if json_file is not None:
        report.save(json_file)
    facts = {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "log10_p": report.log10_p,
        "fsr": report.fsr,
        "fsr_interval": list(report.fsr_interval),
        "queries": len(report.queries),
        "evidence": report.kind,
    }
    print_facts({**facts, "notes": " ".join(report.notes)} if report.notes else facts)


class _Journal(Keyring):
    """What the journal of a keyring that is closed by now said: which keys others have seen."""

    def __init__(self, name: str, spent: list[int]) -> None:
        self._name, self._spent = name, spent

    @property
    def closed(self) -> bool:
        return False

    def __contains__(self, name: object) -> bool:
        return name == self._name

    def spent(self, name: str) -> list[int]:
        return self._spent
