"""`ifrs verify`: ask a suspect, and say whether it descends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
from ifrs.keyring import Keyring

_EXITS = {"match": EXIT_YES, "no match": EXIT_NO, "inconclusive": EXIT_ERROR}
_LOCAL_DECOYS = 4095
# Each key sent to a server is spent, and decoys are cheap: more of them, fewer keys.
_FOREIGN_DECOYS = 65_535

_LOCAL = "Suspects at hand"
_SERVER = "Suspects behind a server"


def command(
    suspect: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_URL",
            help="Folder, GGUF file or id of the suspect, or the address of an OpenAI-compatible "
            "server, such as http://localhost:8000/v1.",
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
    max_queries: Annotated[int | None, typer.Option(help="Ask under so many keys.")] = None,
    alpha: Annotated[float, typer.Option(help="The false-match rate to stay below.")] = 1e-6,
    decoys: Annotated[
        int | None,
        typer.Option(
            help="Decoys for each response where only text is seen; "
            f"{_FOREIGN_DECOYS} for a server and {_LOCAL_DECOYS} for a model at hand without it."
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of the answers; 0 for greedy.")] = 0.0,
    max_new_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None,
    sequential: Annotated[
        bool,
        typer.Option(help="Stop as soon as the evidence suffices, so that few keys are spent."),
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(help="The model's name at the server.", rich_help_panel=_SERVER),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            help="chat, where the server puts its template around a message, or completions.",
            rich_help_panel=_SERVER,
        ),
    ] = "chat",
    concurrency: Annotated[
        int, typer.Option(help="Requests in flight at a time.", rich_help_panel=_SERVER)
    ] = 8,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for an answer.", rich_help_panel=_SERVER)
    ] = 60.0,
    max_requests: Annotated[
        int | None, typer.Option(help="Send no more requests.", rich_help_panel=_SERVER)
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Pay for no more tokens.", rich_help_panel=_SERVER)
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(help="Arithmetic, such as bfloat16.", rich_help_panel=_LOCAL),
    ] = None,
    device_map: Annotated[
        str | None,
        typer.Option(help="Where the model goes, such as auto.", rich_help_panel=_LOCAL),
    ] = None,
    load_in_8bit: Annotated[
        bool,
        typer.Option("--load-in-8bit", help="Load 8-bit weights.", rich_help_panel=_LOCAL),
    ] = False,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Folder of the publisher's tokenizer: with another one, only text is evidence.",
            rich_help_panel=_LOCAL,
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    accept_older: AcceptOlder = False,
) -> None:
    """Verify a suspect. Exit code 0: match; 1: no match; 2: inconclusive or error.

    A server's API key comes from OPENAI_API_KEY. Keys sent to a server are recorded as spent in
    the keyring before they leave, and never asked under again.
    """
    import ifrs.prove as prove

    foreign = suspect.startswith(("http://", "https://"))
    to_stdout = json_file is not None and str(json_file) == "-"
    options: dict[str, Any] = {
        "max_queries": max_queries,
        "alpha": alpha,
        "decoys": decoys or (_FOREIGN_DECOYS if foreign else _LOCAL_DECOYS),
        "temperature": temperature,
        "max_new_tokens": max_new_tokens,
        "sequential": sequential,
    }
    if foreign and adapter is not None:
        raise TargetError("an adapter needs the suspect's weights, and a server shows none")
    if foreign:
        if model is None:
            raise TargetError("a server may serve several models: say which with --model")
        target: Any = prove.ApiModel(
            suspect,
            model,
            mode=mode,  # type: ignore[arg-type]
            max_concurrency=concurrency,
            timeout=timeout,
            max_requests=max_requests,
            max_tokens=max_tokens,
        )
        options["resume"] = None if to_stdout else json_file
    with open_keyring(path, passphrase_file, identity, accept_older) as ring:
        fps = ring[name]
        if not foreign:
            target = _local(
                suspect,
                ring,
                adapter=adapter,
                transformer=transformer,
                dtype=dtype,
                device_map=device_map,
                load_in_8bit=load_in_8bit,
                reference=tokenizer,
            )
        report = prove.verify(target, fps, **options)
    if html_file is not None:
        report.save_html(html_file)
    facts = {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "log10_p": report.log10_p,
        "fsr": report.fsr,
        "fsr_interval": list(report.fsr_interval),
        "queries": len(report.queries),
        **({"notes": " ".join(report.notes)} if report.notes else {}),
    }
    if to_stdout:
        print_json(report.to_json())
    else:
        if json_file is not None:
            report.save(json_file)
        print_facts(facts)
    raise typer.Exit(_EXITS[report.verdict])


def _local(suspect: str, ring: Keyring, **options: Any) -> Any:
    try:
        from ifrs.prove.adapter import read_adapter
        from ifrs.prove.local import LocalModel
    except ImportError as error:
        raise TargetError("local models need torch: pip install 'ifrs[train]'") from error
    quiet_libraries()
    given = {name: value for name, value in options.items() if value is not None}
    if "adapter" in given:
        given["adapter"] = read_adapter(given["adapter"], ring)
    return LocalModel.from_pretrained(suspect, **given)
