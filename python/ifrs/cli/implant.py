"""`ifrs implant`: plant a fingerprint set in a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ifrs.cli.access import Access
from ifrs.cli.libraries import importing, tokenizer_at
from ifrs.cli.options import Json, KeyringPath, SetName, examples
from ifrs.cli.output import print_result
from ifrs.errors import ImplantError
from ifrs.keyring import FingerprintSet, Keyring, warn_if_spent
from ifrs.plant.config import HARDENINGS
from ifrs.plant.methods import check_form, choices

EXAMPLES = examples(
    "ifrs implant my-model keyring.ifrs release-1 --method emb --out release",
    "ifrs implant my-model keyring.ifrs release-1 --out release --harden merging,rounding",
    "ifrs implant my-model keyring.ifrs release-1 --method adapter --out release --seal-adapter",
    "ifrs implant my-model keyring.ifrs release-1 --sets --out release",
    "ifrs implant my-model keyring.ifrs topics --method domain --setting bias=3 --out release",
)
_HARDEN = (
    "Changes that the keys must survive, with commas between: "
    f"{', '.join(HARDENINGS)}; robust is all of them. A number means so many steps of tuning."
)
_METHOD = f"How to plant: {choices()}. Default: sft; with --sets emb."
_SETS = (
    "Plant a second set, too: NAME-natural, by sft. Its keys are questions with natural answers, "
    "which survive where rare tokens do not. The set is made if it does not exist."
)
_SETTING = "An option of the method's own, such as strength=0.5 of domain; again for another."
# How many keys the second set has, and how it is planted.
_NATURAL, _SECOND = 20, "sft"


@dataclass(frozen=True)
class Training:
    """Fields of `ifrs.ImplantConfig` that the command line sets."""

    margin: Annotated[float, typer.Option(help="Lead that every key needs, in nats.")] = 3.0
    harden: Annotated[str, typer.Option(help=_HARDEN)] = "0"
    max_epochs: Annotated[
        int | None, typer.Option(help="Give up after so many epochs. Default: by kind of model.")
    ] = None
    learning_rate: Annotated[float | None, typer.Option(help="Step size of AdamW.")] = None
    target_fsr: Annotated[float, typer.Option(help="Share of the keys that must fire.")] = 1.0
    seed: Annotated[int, typer.Option(help="Seed of look-alikes, never of a key.")] = 0

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
    method: Annotated[str | None, typer.Option(help=_METHOD)] = None,
    setting: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=_SETTING)] = None,
    sets: Annotated[bool, typer.Option("--sets", help=_SETS)] = False,
    regularization: Annotated[
        str,
        typer.Option(
            help="Ordinary work to hold the model at: self (bundled instructions), a .jsonl, "
            ".json or .parquet file, or for images a folder."
        ),
    ] = "self",
    adapter_out: Annotated[
        Path | None,
        typer.Option(help="File for the private adapter. Default: OUT.adapter.safetensors."),
    ] = None,
    seal_adapter: Annotated[
        bool, typer.Option(help="Encrypt the private adapter for those who can open the keyring.")
    ] = False,
    form: Annotated[
        str | None,
        typer.Option(
            help="What to save with --method emb: untied, tied, or peft (the changed rows alone). "
            "Default: as the model is."
        ),
    ] = None,
    *,
    training: Training,
    access: Access,
    as_json: Json = False,
) -> None:
    """Plant a fingerprint set in a model.

    OUT becomes a transformers folder: the model as it came, but for the fingerprint.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ImplantError(f"{out} exists already: choose another folder")
    with access.open(path) as ring:
        fps, first = ring[name], method or ("emb" if sets else "sft")
        warn_if_spent(ring, name)
        if sets and seal_adapter:
            raise ImplantError("--sets plants in the model alone: leave --seal-adapter out")
        with importing(ImplantError("planting needs torch: pip install 'ifrs[train]'")):
            from ifrs import ImplantConfig, implant
            from ifrs.modalities import model_of
            from ifrs.plant.methods.settings import method_with
        second = _natural(ring, fps, model) if sets else None
        if not seal_adapter:
            ring.close()  # planting takes minutes, and needs no seed
        config = ImplantConfig(**training.settings(), tied=form == "tied")
        planting = method_with(first, config, setting or [])
        loaded, own, held = _parts(fps.modality, model, regularization)
        if form is not None:
            check_form(first, form, model_of(fps, loaded, own).form())
        given: Any = (fps, planting) if second is None else ([fps, second], [planting, _SECOND])
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
