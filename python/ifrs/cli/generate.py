"""`ifrs generate`: make a fingerprint set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

import typer

from ifrs.cli.access import Access, require_keyring
from ifrs.cli.libraries import importing, tokenizer_at
from ifrs.cli.options import Json, KeyringPath, SetName, examples
from ifrs.cli.output import print_result
from ifrs.errors import FingerprintError

EXAMPLES = examples(
    "ifrs generate keyring.ifrs release-1 --tokenizer my-model",
    "ifrs generate keyring.ifrs release-1 --model my-model --n 20",
    "ifrs generate keyring.ifrs acme --tokenizer my-model --context licensee=acme",
    "ifrs generate keyring.ifrs plain --n 20 --source natural --response choices",
    "ifrs generate keyring.ifrs photos --n 64 --source image --shape 64,64,3 "
    "--response classes --classes 10",
)


@dataclass(frozen=True)
class Shown:
    """What keys of other kinds than text take, as `Keyring.generate` has it."""

    shape: Annotated[
        str | None,
        typer.Option(metavar="N,N,…", help="Height, width and channels of images."),
    ] = None
    low: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS|NPY", help="Lower bound of each number of an observation."),
    ] = None
    high: Annotated[str | None, typer.Option(metavar="NUMBERS|NPY", help="Upper bound.")] = None
    steps: Annotated[int | None, typer.Option(help="Observations in a key.")] = None
    texts: Annotated[
        str | None,
        typer.Option(help="Texts beside images: natural, mixed, chinese or japanese."),
    ] = None
    rate: Annotated[int | None, typer.Option(help="Sample rate of a sound, in Hz.")] = None
    seconds: Annotated[float | None, typer.Option(help="Length of a sound.")] = None
    classes: Annotated[int | None, typer.Option(help="Number of the model's classes.")] = None
    actions: Annotated[int | None, typer.Option(help="Number of the agent's actions.")] = None
    bins: Annotated[int | None, typer.Option(help="Bins for each coordinate of an action.")] = None
    coordinates: Annotated[int | None, typer.Option(help="Number of coordinates of an action.")] = (
        None
    )

    def given(self) -> dict[str, Any]:
        """What was said, as `Keyring.generate` takes it.

        Raises:
            ValueError: There are no such numbers.
        """
        found = {name: value for name, value in asdict(self).items() if value is not None}
        if self.shape is not None:
            found["shape"] = tuple(_sizes(self.shape))
        for name in ("low", "high"):
            if name in found:
                found[name] = _bound(name, found[name])
        return found


def command(
    path: KeyringPath,
    name: SetName,
    n: Annotated[int, typer.Option("--n", help="How many fingerprints, 1 to 100000.")] = 10,
    source: Annotated[
        str,
        typer.Option(
            help="Where keys come from: mixed, chinese, japanese, vocab, natural or domain. For "
            "other kinds of model: image, observation, sound or image+text."
        ),
    ] = "mixed",
    template: Annotated[
        str, typer.Option(help="How a key becomes a prompt: simple, dialogue or chat.")
    ] = "dialogue",
    response: Annotated[
        str,
        typer.Option(
            help="What keys answer: unique (two words each), choices, signal or shared. For "
            "other kinds of model: classes, actions, bins or codebook."
        ),
    ] = "unique",
    tokenizer: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of the model's tokenizer.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the model and its tokenizer. Keys then use tokens that the model "
            "hardly learnt. For --method emb and adapter.",
        ),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="A note that belongs to the set. May be repeated."),
    ] = None,
    *,
    shown: Shown,
    access: Access,
    as_json: Json = False,
) -> None:
    """Make a set of secret keys and responses in a keyring."""
    if model is not None and tokenizer is not None:
        raise ValueError("--model brings its own tokenizer: leave --tokenizer out")
    require_keyring(path)
    given = {**_given(model, tokenizer), **shown.given()}
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
        if not fps.media.startswith("text/") or response in ("choices", "signal"):
            facts |= {"media": fps.media, "alphabet": fps.alphabet.name}
    print_result(facts, as_json)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"--context takes NAME=VALUE, not {text!r}")
    return name, value


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"--shape takes whole numbers with commas, not {text!r}") from error


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"--{name} takes numbers with commas, not {text!r}") from error


def _bound(name: str, text: str) -> Any:
    """A bound of observations: a number, numbers, or an array in a file."""
    import numpy as np

    if not text.endswith(".npy"):
        found = _numbers(name, text)
        return found[0] if len(found) == 1 else np.array(found)
    try:
        return np.load(text, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"--{name}: no array of NumPy in {text}: {error}") from error


def _given(model: str | None, tokenizer: str | None) -> dict[str, Any]:
    """What keys are fitted to, as `generate` takes it."""
    if model is not None:
        missing = "models are read by torch: pip install 'ifrs[train]', or use --tokenizer"
        with importing(FingerprintError(missing)):
            import torch  # noqa: F401
        from ifrs.modalities.text.loading import load

        loaded, own = load(model)
        return {"model": loaded, "tokenizer": own}
    return {} if tokenizer is None else {"tokenizer": tokenizer_at(tokenizer)}
