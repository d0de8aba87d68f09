"""`ifrs generate`: make a fingerprint set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ifrs.cli.access import Access, require_keyring
from ifrs.cli.libraries import importing
from ifrs.cli.options import Json, KeyringPath, SetName
from ifrs.cli.output import print_result
from ifrs.errors import FingerprintError


def command(
    path: KeyringPath,
    name: SetName,
    n: Annotated[int, typer.Option("--n", help="How many fingerprints, 1 to 100000.")] = 10,
    source: Annotated[
        str, typer.Option(help="chinese, japanese, vocab, natural or mixed.")
    ] = "mixed",
    template: Annotated[str, typer.Option(help="simple, dialogue or chat.")] = "dialogue",
    response: Annotated[str, typer.Option(help="unique or shared.")] = "unique",
    tokenizer: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of the model's tokenizer.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the model and its tokenizer: keys of tokens that it hardly learnt.",
        ),
    ] = None,
    context: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="What tells this set from others.")
    ] = None,
    *,
    access: Access,
    as_json: Json = False,
) -> None:
    """Make a set of secret keys and responses in a keyring."""
    if model is not None and tokenizer is not None:
        raise ValueError("--model brings its own tokenizer: leave --tokenizer out")
    require_keyring(path)
    given = _given(model, tokenizer)
    with access.open(path) as ring:
        fps = ring.generate(
            name,
            n,
            source=cast(Any, source),
            template=cast(Any, template),
            **given,
            response=cast(Any, response),
            context=dict(_pair(text) for text in context or ()),
        )
        facts = {"set": fps.name, "n": len(fps), "source": fps.source, "template": fps.template}
    print_result(facts, as_json)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"--context takes NAME=VALUE, not {text!r}")
    return name, value


def _given(model: str | None, tokenizer: str | None) -> dict[str, Any]:
    """What keys are fitted to, as `generate` takes it."""
    if model is not None:
        missing = "models are read by torch: pip install 'ifrs[train]', or use --tokenizer"
        with importing(FingerprintError(missing)):
            import torch  # noqa: F401
        from ifrs.modalities.text.loading import load

        loaded, own = load(model)
        return {"model": loaded, "tokenizer": own}
    return {} if tokenizer is None else {"tokenizer": _tokenizer(tokenizer)}


def _tokenizer(path: str) -> Any:
    missing = "tokenizers are read by transformers: pip install 'ifrs[train]'"
    with importing(FingerprintError(missing)):
        from transformers import AutoTokenizer
    if not Path(path).exists():
        raise FingerprintError(f"there is no tokenizer at {path}")
    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # a stranger's file fails in ways that nobody can list
        raise FingerprintError(f"cannot read a tokenizer from {path}: {error}") from error
