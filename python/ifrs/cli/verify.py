"""`ifrs verify`: ask a suspect, and say whether it descends."""

from __future__ import annotations

import os
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
    require_keyring,
)
from ifrs.cli.output import (
    EXIT_ERROR,
    EXIT_NO,
    EXIT_YES,
    print_facts,
    print_json,
)
from ifrs.errors import TargetError
from ifrs.keyring import Keyring
from ifrs.progress import quiet_libraries

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
    api_key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The environment variable that holds the server's API key, if not IFRS_API_KEY.",
            rich_help_panel=_SERVER,
        ),
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
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code",
            help="Run code that comes with the suspect. It may do whatever you may.",
            rich_help_panel=_LOCAL,
        ),
    ] = False,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    accept_older: AcceptOlder = False,
) -> None:
    """Verify a suspect. Exit code 0: match; 1: no match; 2: inconclusive or error.

    A server's API key comes from IFRS_API_KEY, or the variable that --api-key-env names; that of
    OPENAI_API_KEY goes to OpenAI alone. Fingerprint keys sent to a server are recorded as spent in
    the keyring before they leave, and never asked under again.
    """
    import ifrs

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
    if api_key_env is not None and not foreign:
        raise TargetError("--api-key-env is for servers: a model at hand wants no key")
    require_keyring(path)
    access = (path, passphrase_file, identity, accept_older)
    if foreign:
        if model is None:
            raise TargetError("a server may serve several models: say which with --model")
        target = ifrs.ApiModel(
            suspect,
            model,
            api_key=_api_key(api_key_env),
            mode=mode,  # type: ignore[arg-type]
            max_concurrency=concurrency,
            timeout=timeout,
            max_requests=max_requests,
            max_tokens=max_tokens,
        )
        options["resume"] = None if to_stdout else json_file
        with open_keyring(*access) as ring:
            report = ifrs.verify(target, ring[name], **options)
    else:
        local = _Local(suspect, adapter=adapter, transformer=transformer, reference=tokenizer)
        # Before the keyring is open: what a suspect's files do happens without it.
        local.load(
            dtype=dtype,
            device_map=device_map,
            load_in_8bit=load_in_8bit,
            trust_remote_code=trust_remote_code,
        )
        with open_keyring(*access) as ring:
            fps, journal = ring[name], _Journal(name, ring.spent(name))
            local.read_adapter(ring)
        report = ifrs.verify(local.target(), fps, ring=journal, **options)
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


def _api_key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable)
    if not key:
        # Not quoted: it may be the key by mistake.
        raise TargetError("--api-key-env takes the name of a variable that holds the key: set one")
    return key


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


class _Local:
    """A suspect at hand, and what the publisher asks it with."""

    def __init__(
        self,
        suspect: str,
        *,
        adapter: Path | None,
        transformer: str | None,
        reference: str | None,
    ) -> None:
        try:
            import ifrs.modalities.text.suspect  # noqa: F401
        except ImportError as error:
            raise TargetError("local models need torch: pip install 'ifrs[train]'") from error
        quiet_libraries()
        self.suspect, self.adapter = suspect, adapter
        self.options: dict[str, Any] = {"transformer": transformer, "reference": reference}

    def load(self, **options: Any) -> None:
        """Read the suspect's files."""
        from ifrs.modalities.text.loading import load

        given = {name: value for name, value in options.items() if value is not None}
        self.model, self.tokenizer = load(self.suspect, **given)

    def read_adapter(self, ring: Keyring) -> None:
        """Read the publisher's adapter, which may be sealed for the keyring."""
        from ifrs.modalities.text.joining import read_adapter

        if self.adapter is not None:
            self.options["adapter"] = read_adapter(self.adapter, ring)

    def target(self) -> Any:
        """The suspect, ready to be asked."""
        from ifrs.modalities.text.suspect import LocalModel

        name = Path(self.suspect).name
        return LocalModel(self.model, self.tokenizer, name=name, **self.options)
