"""`ifrs implant`: plant a fingerprint set in a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ifrs.cli.access import Access
from ifrs.cli.libraries import importing, tokenizer_at
from ifrs.cli.options import Json, KeyringPath, SetName
from ifrs.cli.output import print_result
from ifrs.errors import ImplantError
from ifrs.keyring import FingerprintSet, Keyring
from ifrs.plant.config import HARDENINGS
from ifrs.plant.methods import check_form, choices

_HARDEN = (
    f"What others may do that keys must bear: {', '.join(HARDENINGS)}, several with commas "
    'between, or "robust"; a number is steps of tuning, and 0 none.'
)


_SETS = (
    "Plant a second set beside NAME, NAME-natural, by sft: questions with natural answers, which "
    "survive what ends keys of rare tokens. It is made if it is not there."
)
# How many keys the second set has, and how it is planted.
_NATURAL, _SECOND = 20, "sft"


@dataclass(frozen=True)
class Training:
    """Fields of `ifrs.ImplantConfig` that the command line sets."""

    margin: Annotated[float, typer.Option(help="Nats by which every key must fire.")] = 3.0
    harden: Annotated[str, typer.Option(help=_HARDEN)] = "0"
    max_epochs: Annotated[
        int | None, typer.Option(help="Give up after so many epochs; what suits the kind of model.")
    ] = None
    learning_rate: Annotated[float | None, typer.Option(help="Step size of AdamW.")] = None
    seed: Annotated[int, typer.Option(help="Seeds negatives and order, never a key.")] = 0

    def settings(self) -> dict[str, Any]:
        """As `ifrs.ImplantConfig` takes them."""
        names = [name.strip() for name in self.harden.split(",")]
        steps = int(names[0]) if len(names) == 1 and names[0].isdecimal() else None
        return {**asdict(self), "harden": names if steps is None else steps}


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder or id of the model.")],
    path: KeyringPath,
    name: SetName,
    out: Annotated[Path, typer.Option(help="Folder for the fingerprinted model.")],
    method: Annotated[
        str | None, typer.Option(help=f"{choices()}; sft by default, and emb with --sets.")
    ] = None,
    sets: Annotated[bool, typer.Option("--sets", help=_SETS)] = False,
    regularization: Annotated[
        str,
        typer.Option(
            help='"self", or a .jsonl, .json or .parquet file; for images a folder of them.'
        ),
    ] = "self",
    adapter_out: Annotated[
        Path | None,
        typer.Option(help="File for the private adapter; OUT.adapter.safetensors by default."),
    ] = None,
    seal_adapter: Annotated[
        bool, typer.Option(help="Encrypt the private adapter for whoever opens the keyring.")
    ] = False,
    form: Annotated[
        str | None,
        typer.Option(
            help='Of what is saved: "untied", "tied", or "peft", the rows alone beside the base '
            '(for "emb"); as the model is by default.'
        ),
    ] = None,
    *,
    training: Training,
    access: Access,
    as_json: Json = False,
) -> None:
    """Plant a fingerprint set in a model, and save it as a transformers folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ImplantError(f"{out} exists already: choose another folder")
    with access.open(path) as ring:
        fps, first = ring[name], method or ("emb" if sets else "sft")
        if sets and seal_adapter:
            raise ImplantError("--sets plants in the model alone: leave --seal-adapter out")
        with importing(ImplantError("planting needs torch: pip install 'ifrs[train]'")):
            from ifrs import ImplantConfig, implant
            from ifrs.modalities import model_of
        second = _natural(ring, fps, model) if sets else None
        if not seal_adapter:
            ring.close()  # planting takes minutes, and needs no seed
        config = ImplantConfig(**training.settings(), tied=form == "tied")
        loaded, own, held = _parts(fps.modality, model, regularization)
        if form is not None:
            check_form(first, form, model_of(fps, loaded, own).form())
        given: Any = (fps, first) if second is None else ([fps, second], [first, _SECOND])
        result = implant(loaded, own, given[0], method=given[1], regularization=held, config=config)
        result.save(out, form=form, adapter=adapter_out, keyring=ring if seal_adapter else None)
    facts = {
        "model": str(out),
        "method": result.method,
        "fsr": result.fsr,
        "guess_rate": result.guess_rate,
        "least_margin": round(min(result.margins), 2),
        "epochs": result.epochs,
        "seconds": round(result.seconds, 1),
        "peak_memory_bytes": result.peak_memory_bytes,
    }
    if result.saved_fsr is not None:
        facts["saved_fsr"] = result.saved_fsr
    if result.changed_fsr:
        facts["changed_fsr"] = result.changed_fsr
    if result.notes:
        facts["notes"] = " ".join(result.notes)
    if result.sets:
        facts["sets"] = {one.set_name: one.fsr for one in result.sets}
    if result.adapter_path is not None:
        facts["adapter"] = str(result.adapter_path)
    print_result(facts, as_json)


def _natural(ring: Keyring, fps: FingerprintSet, model: str) -> FingerprintSet:
    """The second set: natural questions and answers, made if it is not there."""
    if fps.modality != "text":
        raise ImplantError("--sets is for language models: plant other sets one by one")
    name = f"{fps.name}-natural"
    if name in ring:
        return ring[name]
    given: dict[str, Any] = {"template": "chat"} if fps.template == "chat" else {}
    given["tokenizer"] = tokenizer_at(model)
    return ring.generate(name, _NATURAL, source="natural", response="choices", **given)


def _parts(modality: str, model: str, regularization: str) -> tuple[Any, Any, Any]:
    """A model, what turns keys into its inputs, and what holds it at its ordinary work."""
    if modality == "text":
        from ifrs.modalities.text.loading import load

        return (*load(model), regularization)
    from ifrs.modalities import loading_of

    kind = loading_of(modality)
    if regularization == "self":
        raise ImplantError(
            "such a model is held at its ordinary work by ordinary inputs of yours: pass "
            "--regularization FOLDER"
        )
    return (*kind.load(model), kind.ordinary(regularization))
