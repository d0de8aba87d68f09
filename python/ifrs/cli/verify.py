"""`ifrs verify`: ask a suspect, and say whether it descends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.options import (
    AcceptOlder,
    Identity,
    KeyringPath,
    PassphraseFile,
    SetName,
    open_keyring,
)
from ifrs.cli.output import (
    EXIT_ERROR,
    EXIT_NO,
    EXIT_YES,
    print_facts,
    print_json,
    quiet_libraries,
)
from ifrs.errors import TargetError

_EXITS = {"match": EXIT_YES, "no match": EXIT_NO, "inconclusive": EXIT_ERROR}


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder or id of the suspect.")],
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
        Path | None, typer.Option("--json", metavar="FILE", help="Write the report here.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page here.")
    ] = None,
    max_queries: Annotated[int | None, typer.Option(help="Ask under so many keys.")] = None,
    alpha: Annotated[float, typer.Option(help="The false-match rate to stay below.")] = 1e-6,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    accept_older: AcceptOlder = False,
) -> None:
    """Verify a suspect. Exit code 0: match; 1: no match; 2: inconclusive or error."""
    if model.startswith(("http://", "https://")):
        raise TargetError("suspects behind an API cannot be verified yet: pass a model folder")
    with open_keyring(path, passphrase_file, identity, accept_older) as ring:
        fps = ring[name]
    try:
        import ifrs.prove as prove
    except ImportError as error:
        raise TargetError("local models need torch: pip install 'ifrs[train]'") from error
    quiet_libraries()
    target = prove.LocalModel.from_pretrained(model, adapter=adapter, transformer=transformer)
    report = prove.verify(target, fps, max_queries=max_queries, alpha=alpha)
    if html_file is not None:
        report.save_html(html_file)
    facts = {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "log10_p": report.log10_p,
        "fsr": report.fsr,
        "fsr_interval": list(report.fsr_interval),
        "queries": len(report.queries),
    }
    if json_file is None:
        print_facts(facts)
    elif str(json_file) == "-":
        print_json(report.to_json())
    else:
        report.save(json_file)
        print_facts(facts)
    raise typer.Exit(_EXITS[report.verdict])
