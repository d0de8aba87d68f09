"""`ifrs implant`: plant a fingerprint set in a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.options import (
    AcceptOlder,
    Identity,
    Json,
    KeyringPath,
    PassphraseFile,
    SetName,
    open_keyring,
)
from ifrs.cli.output import print_facts, print_json
from ifrs.errors import ImplantError
from ifrs.progress import quiet_libraries


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder or id of the model.")],
    path: KeyringPath,
    name: SetName,
    out: Annotated[Path, typer.Option(help="Folder for the fingerprinted model.")],
    method: Annotated[str, typer.Option(help="sft, emb, adapter or lora.")] = "sft",
    regularization: Annotated[
        str, typer.Option(help='"self", or a .jsonl, .json or .parquet file.')
    ] = "self",
    adapter_out: Annotated[
        Path | None,
        typer.Option(help="File for the private adapter; OUT.adapter.safetensors by default."),
    ] = None,
    seal_adapter: Annotated[
        bool, typer.Option(help="Encrypt the private adapter for whoever opens the keyring.")
    ] = False,
    margin: Annotated[float, typer.Option(help="Nats by which every key must fire.")] = 3.0,
    harden: Annotated[
        int, typer.Option(help="Steps of a downstream tuner to train through; 0 for none.")
    ] = 0,
    max_epochs: Annotated[int, typer.Option(help="Give up after so many epochs.")] = 120,
    learning_rate: Annotated[float | None, typer.Option(help="Step size of AdamW.")] = None,
    seed: Annotated[int, typer.Option(help="Seeds negatives and order, never a key.")] = 0,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    accept_older: AcceptOlder = False,
    as_json: Json = False,
) -> None:
    """Plant a fingerprint set in a model, and save it as a transformers folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ImplantError(f"{out} exists already: choose another folder")
    with open_keyring(path, passphrase_file, identity, accept_older) as ring:
        fps = ring[name]
        if not seal_adapter:
            ring.close()  # planting takes minutes, and needs no seed
        try:
            import ifrs.plant as plant
            from ifrs.modalities.text.loading import load
        except ImportError as error:
            raise ImplantError("planting needs torch: pip install 'ifrs[train]'") from error
        quiet_libraries()
        config = plant.ImplantConfig(
            max_epochs=max_epochs,
            learning_rate=learning_rate,
            margin=margin,
            harden=harden,
            seed=seed,
        )
        loaded, tokenizer = load(model)
        result = plant.implant(
            loaded, tokenizer, fps, method=method, regularization=regularization, config=config
        )
        result.save(out, adapter=adapter_out, keyring=ring if seal_adapter else None)
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
    if result.adapter_path is not None:
        facts["adapter"] = str(result.adapter_path)
    print_json(facts) if as_json else print_facts(facts)
