"""`ifrs licence`: a copy for every licensee, and whose copy a suspect is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifrs.cli.access import Access, require_keyring
from ifrs.cli.libraries import importing
from ifrs.cli.options import Commands, Json, KeyringPath, Longest, SetName, examples
from ifrs.cli.output import (
    EXIT_NO,
    EXIT_YES,
    print_facts,
    print_json,
    print_result,
    print_rows,
    require_new,
    warn,
)
from ifrs.cli.suspects import LocalOptions, ServerOptions, is_url
from ifrs.errors import ImplantError, TargetError

if TYPE_CHECKING:
    from ifrs.licences import Trace

app = Commands(
    name="licence",
    help="Give every licensee a copy, and trace a leak.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=examples(
        "ifrs licence plant my-model keyring.ifrs release-1 --out base",
        'ifrs licence stamp keyring.ifrs release-1 --licensee "ACME GmbH" --out acme',
        "ifrs licence trace leaked-model keyring.ifrs release-1 --html trace.html",
    ),
)

_STDOUT = Path("-")
_NEEDS = "planting and stamping need torch: pip install 'ifrs[train]'"
Licences = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File of sealed variants. Default: beside the keyring."),
]


@app.command(
    "plant",
    epilog=examples(
        "ifrs generate keyring.ifrs release-1 --n 192 --source vocab --template simple "
        "--tokenizer my-model",
        "ifrs licence plant my-model keyring.ifrs release-1 --out base",
    ),
)
def plant(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder or id of the model.")],
    path: KeyringPath,
    name: SetName,
    out: Annotated[Path, typer.Option(help="Folder for the base model that copies are made of.")],
    coalition: Annotated[
        int, typer.Option(help="Most licensees who may work together, 1 to 6.")
    ] = 2,
    rows: Annotated[int, typer.Option(help="Most embedding rows for each position.")] = 1,
    max_epochs: Annotated[
        int | None, typer.Option(help="Give up after so many epochs. Default: 60.")
    ] = None,
    target_fsr: Annotated[
        float | None, typer.Option(help="Share of the positions that must fire. Default: 0.97.")
    ] = None,
    licences: Licences = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Plant two variants of every key of a set, once for all licensees."""
    with access.open(path) as ring:
        fps = ring[name]
        with importing(ImplantError(_NEEDS)):
            from ifrs.licences import plant as planting
            from ifrs.licences.planting import usual
        from ifrs.modalities.text.loading import load

        given: Any = {"coalition": coalition, "rows": rows, "licences": licences}
        config = usual(max_epochs, target_fsr)
        found = planting(*load(model), fps, out=out, config=config, **given)
    facts = {
        "model": str(found.folder),
        "licences": str(found.licences),
        "positions": found.positions,
        "silent": len(found.silent),
        "rows": found.rows,
        "coalition": found.coalition,
        "least_margin": round(min(found.margins), 2),
        "seconds": round(found.seconds, 1),
    }
    print_result(facts, as_json)


@app.command(
    "stamp",
    epilog=examples(
        'ifrs licence stamp keyring.ifrs release-1 --licensee "ACME GmbH" --out acme',
        "ifrs licence stamp keyring.ifrs release-1 --licensee bob --out bob.safetensors",
    ),
)
def stamp(
    path: KeyringPath,
    name: SetName,
    licensee: Annotated[str, typer.Option(metavar="WHO", help="Who gets the copy.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR|PATCH", help="A new folder, or a new .safetensors file.")
    ],
    form: Annotated[
        str | None,
        typer.Option(
            help="folder, patch (the rows alone), or peft. Default: by the ending of OUT."
        ),
    ] = None,
    licences: Licences = None,
    model: Annotated[
        Path | None,
        typer.Option(help="The folder made while planting, if it moved."),
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Make the copy of one licensee. The keyring records the licensee first."""
    with access.open(path) as ring:
        fps = ring[name]
        with importing(ImplantError(_NEEDS)):
            from ifrs.licences import stamp as stamping
        given: Any = form
        done = stamping(fps, licensee, out, ring=ring, form=given, licences=licences, model=model)
    facts = {
        "licensee": done.licensee,
        "form": done.form,
        "out": str(done.path),
        "rows": done.rows,
        "bytes": done.bytes,
        "seconds": round(done.seconds, 3),
        "copying_seconds": round(done.copying_seconds, 3),
    }
    print_result(facts, as_json)


@app.command("apply", epilog=examples("ifrs licence apply bob.safetensors base --out bob"))
def apply(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="The licensee's patch.")],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The base model's folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the licensee's model.")],
    as_json: Json = False,
) -> None:
    """Make a licensee's folder from a patch and the base model, without a keyring."""
    with importing(ImplantError(_NEEDS)):
        from ifrs.licences import apply_patch
    print_result({"out": str(apply_patch(patch, model, out))}, as_json)


@app.command("list", epilog=examples("ifrs licence list keyring.ifrs release-1"))
def listing(path: KeyringPath, name: SetName, *, access: Access, as_json: Json = False) -> None:
    """List who has copies of a set, and since when."""
    with access.open(path) as ring:
        rows = ring.licences(name)
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ["at", "licensee", "form", "digest"])


@app.command(
    "roll",
    epilog=examples(
        "ifrs licence roll keyring.ifrs release-1 --out roll.json",
        "ifrs licence roll keyring.ifrs release-1 --out roll.json --tsa http://tsa.example/tsr",
    ),
)
def roll(
    path: KeyringPath,
    name: SetName,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the roll.")],
    tsa: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of an RFC 3161 time-stamp authority. It sees a digest alone.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--name", help="What to call the copies. Default: the set's name."),
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Sign who has copies before one is seen elsewhere. It shows no name and no codeword."""
    require_new(out, "a roll")
    with access.open(path) as ring:
        made = ring.roll(name, model=model or name)
    # Kept before the authority is asked: a roll in the journal is not lost with the network.
    made.save(out)
    if tsa is not None:
        made = made.stamp(tsa)
        made.save(out)
    stamp = made.stamped() if tsa is not None else None
    facts = {
        "roll": made.digest,
        "model": made.model,
        "licensees": made.licensees,
        "copies": made.copies,
        "created": made.created,
        "public_key": made.publisher_key,
        "timestamp": None if stamp is None else stamp["time"],
    }
    print_result(facts, as_json)


@app.command(
    "accuse",
    epilog=examples(
        "ifrs licence accuse trace.json keyring.ifrs release-1 --roll roll.json "
        "--out accusation.json --reveal 64",
    ),
)
def accuse(
    trace_file: Annotated[
        Path, typer.Argument(metavar="TRACE", help="What ifrs licence trace --json wrote.")
    ],
    path: KeyringPath,
    name: SetName,
    roll_file: Annotated[
        Path,
        typer.Option("--roll", metavar="FILE", help="The roll that was signed before."),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Where to write the accusation; .gz compresses it."),
    ],
    licensee: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="Whom it is about. Default: the one who is accused."),
    ] = None,
    reveal: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Show the first N positions, in whole blocks of 16. The others stay secret. "
            "Default: show all that were asked.",
        ),
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Make evidence that a court can check. It shows nothing of other licensees.

    The keys that it shows are spent.
    """
    require_new(out, "an accusation")
    from ifrs.licences import accuse as accusing

    with access.open(path) as ring:
        who: Any = {"licensee": licensee, "reveal": reveal, "ring": ring}
        made = accusing(trace_file, ring[name], roll_file, **who)
        # Before the file is there: a key that may be seen is spent.
        ring.spend(name, made.revealed, out.name, "revealed")
    result = made.result
    if not result["accused"]:
        warn("it accuses nobody: it proves nothing, and whoever sees it has its keys")
    made.save(out)
    facts = {"accusation": str(out), "licensee": made.licensee, **result}
    print_result(facts, as_json)


@dataclass(frozen=True)
class Asking:
    """How a suspect is asked, and judged."""

    max_queries: Annotated[
        int | None, typer.Option(help="Query a server about at most so many positions.")
    ] = None
    alpha: Annotated[
        float, typer.Option(help="Probability that you allow of accusing any innocent.")
    ] = 1e-6
    max_new_tokens: Longest = None


@app.command(
    "trace",
    epilog=examples(
        "ifrs licence trace leaked-model keyring.ifrs release-1 --html trace.html",
        "ifrs licence trace https://api.example/v1 keyring.ifrs release-1 --model theirs",
    ),
)
def trace(
    suspect: Annotated[
        str,
        typer.Argument(
            metavar="SUSPECT",
            help="The suspect: a folder, a model id, or an OpenAI-compatible server's address.",
        ),
    ],
    path: KeyringPath,
    name: SetName,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the trace here; without FILE print it. It holds keys: keep it private.",
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
    """Find out whose copy a suspect is.

    Exit code 0: somebody is accused; 1: nobody; 2: an error. The keyring records a key as spent
    before it is sent to a server.
    """
    require_keyring(path)
    if is_url(suspect):
        target = server.suspect(suspect)
        from ifrs.licences import trace as tracing

        with access.open(path) as ring:
            found = tracing(target, ring[name], **asdict(asking))
    else:
        if server.api_key_env is not None:
            raise TargetError("--api-key-env is for servers: a model at hand wants no key")
        # Before the keyring is open: what a suspect's files do happens without it.
        loaded = local.load(suspect)
        from ifrs import LocalModel
        from ifrs.licences import Licensees
        from ifrs.licences import trace as tracing

        target = LocalModel(*loaded, name=Path(suspect).name, reference=local.tokenizer)
        with access.open(path) as ring:
            fps, known = ring[name], Licensees.of(ring, name)
        found = tracing(target, fps, licensees=known, ring=False, **asdict(asking))
    if html_file is not None:
        found.save_html(html_file)
    _show(found, json_file)
    raise typer.Exit(EXIT_YES if found.accused else EXIT_NO)


def _show(found: Trace, json_file: Path | None) -> None:
    if json_file == _STDOUT:
        print_json(found.to_json())
        return
    if json_file is not None:
        found.save(json_file)
    best = found.ranked[0] if found.ranked else None
    facts: dict[str, object] = {
        "accused": ", ".join(one.licensee for one in found.accused) or "nobody",
        "log10_p": None if best is None else round(best.log10_p, 2),
        "read": f"{found.read} of {len(found.readings)} positions",
        "licensees": found.licensees,
        "evidence": found.evidence,
    }
    print_facts({**facts, "notes": " ".join(found.notes)} if found.notes else facts)
