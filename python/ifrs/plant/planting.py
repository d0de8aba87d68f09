"""`ifrs.implant`: from a model and a fingerprint set to a fingerprinted model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.text.suitable import check_model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.firing import response_margins
from ifrs.plant.guessing import guess_rate
from ifrs.plant.material.gathering import Material, gather
from ifrs.plant.material.ordinary import tuning_examples
from ifrs.plant.methods.adapter.method import AdapterRows
from ifrs.plant.methods.emb import EmbeddingRows
from ifrs.plant.methods.lora import LowRank
from ifrs.plant.methods.method import Method
from ifrs.plant.methods.sft import FullTuning
from ifrs.plant.result import ImplantResult
from ifrs.plant.training.averaging import towards_base
from ifrs.plant.training.checkpointing import checkpointed
from ifrs.plant.training.hardening import Drift, simulate_tuner
from ifrs.plant.training.loop import Outcome, train
from ifrs.progress import progress
from ifrs.runtime.memory import kept_memory, peak_memory_bytes
from ifrs.runtime.modules import device_of, evaluating
from ifrs.runtime.workers import Workers, unwrapped

METHODS = ("sft", "emb", "adapter", "lora")


def implant(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    *,
    method: str = "sft",
    regularization: Any = "self",
    config: ImplantConfig | None = None,
) -> ImplantResult:
    """Plant a fingerprint set in a language model (Xu et al., 2024, section 3).

    The model is changed in place once planting succeeds; when it fails or is interrupted, the
    model is left as it was. Under `accelerate launch` or torchrun every process calls this alike,
    and they share the work; weights sharded by FSDP 2 stay sharded.

    Args:
        model: A transformers language model, causal or encoder-decoder, on any one device.
        tokenizer: Its tokenizer.
        fps: The fingerprints.
        method: "sft" trains all weights but the token embeddings (these too with
            `ImplantConfig(tune_embeddings=True)`); "emb" only the input embedding rows of the
            keys' tokens; "adapter" those rows together with a low-rank map that the publisher
            keeps; "lora" low-rank changes of all linear layers, through peft.
        regularization: Ordinary work that must stay as it is: "self" for the model's own answers
            to bundled instructions, a path (.jsonl, .json, .parquet with instruction and output),
            a `datasets.Dataset`, or a list of pairs. "emb" and "adapter" need none.
        config: Settings.

    Raises:
        ImplantError: The model or tokenizer cannot carry the set, memory ran out, or not every
            key fires after `config.max_epochs`.
        ValueError: The method is unknown.
    """
    config = config or ImplantConfig()
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: use {', '.join(METHODS[:-1])} or lora")
    if not isinstance(fps, FingerprintSet):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    model = unwrapped(model)
    check_model(model, tokenizer)
    started = time.monotonic()
    with _memory_errors(), kept_memory(device_of(model)):
        planting = _method(method, model, tokenizer, fps, config)
        material = gather(model, tokenizer, fps, planting, regularization, config)
        drift = _drift(model, tokenizer, regularization, material, config)
        outcome = _plant(model, planting, material, drift, config)
        planted = time.monotonic()
        rate = guess_rate(model, tokenizer, fps, config.guesses, config.seed)
    return ImplantResult(
        model=model,
        tokenizer=tokenizer,
        method=method,
        set_name=fps.name,
        n=len(fps),
        fsr=outcome.fsr,
        margins=outcome.margins,
        guess_rate=rate,
        epochs=outcome.epochs,
        seconds=planted - started,
        peak_memory_bytes=peak_memory_bytes(device_of(model)),
        reach=planting.reach(),
        adapter=planting.adapter,
    )


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Errors of allocation, of an accelerator or of the host, as one that says what to do."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory() from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise _out_of_memory() from error


def _out_of_memory() -> ImplantError:
    return ImplantError(
        "memory ran out: use a smaller micro_batch or checkpointing=True (ImplantConfig), a model "
        "in bfloat16, or method='emb'"
    )


def _method(
    name: str, model: Any, tokenizer: Any, fps: FingerprintSet, config: ImplantConfig
) -> Method:
    if name == "emb":
        return EmbeddingRows(model, tokenizer, fps)
    if name == "adapter":
        return AdapterRows(model, tokenizer, fps, rank=config.adapter_rank, seed=config.seed)
    if name == "lora":
        return LowRank(
            model,
            rank=config.lora_rank,
            merge=config.lora_merge,
            in_place=config.in_place,
            seed=config.seed,
        )
    return FullTuning(model, config.in_place, embeddings=config.tune_embeddings)


def _drift(
    model: Any, tokenizer: Any, regularization: Any, material: Material, config: ImplantConfig
) -> Drift | None:
    if not config.harden:
        return None
    return simulate_tuner(
        model,
        tuning_examples(tokenizer, regularization),
        steps=config.harden,
        rate=config.harden_rate,
        pad=material.pad,
        seed=config.seed,
    )


def _plant(
    model: Any, planting: Method, material: Material, drift: Drift | None, config: ImplantConfig
) -> Outcome:
    """Train, and write the result into the model; undo everything when that fails."""
    workers = Workers(model)
    planting.parameters = planting.begin()
    shown = progress("planting", config.max_epochs) if workers.rank == 0 else nullcontext(_SILENT)
    try:
        with shown as (advance, note), checkpointed(model, config.checkpointing):
            report = _reporter(advance, note)
            outcome = train(model, planting, material, config, workers, drift, report)
            _require_success(outcome, material, config)
            if planting.regularized:
                towards_base(model, planting, material, config, drift)
        planting.finish()
        if planting.adapter is None:
            _check_written(model, material, outcome, config)
    except BaseException:
        planting.undo()
        raise
    return outcome


_SILENT = (lambda _: None, lambda _: None)


def _check_written(model: Any, material: Material, outcome: Outcome, config: ImplantConfig) -> None:
    """Ask the weights as they will be saved: writing into them may round."""
    with evaluating(model):
        own = material.fingerprints[: material.n]
        outcome.margins = response_margins(model, own, material.pad)
    if outcome.fsr < config.target_fsr:
        raise ImplantError(
            f"only {outcome.fsr:.0%} of {len(own)} keys fire once the change is rounded to "
            f"{str(model.dtype).removeprefix('torch.')}: raise margin (ImplantConfig)"
        )


def _reporter(
    advance: Callable[[int], None], note: Callable[[str], None]
) -> Callable[[int, float, float], None]:
    def report(epoch: int, loss: float, fsr: float) -> None:
        note(f"epoch {epoch}  loss {loss:.3f}  FSR {fsr:.0%}")
        advance(1)

    return report


def _require_success(outcome: Outcome, material: Material, config: ImplantConfig) -> None:
    if outcome.fsr < config.target_fsr:
        raise ImplantError(
            f"only {outcome.fsr:.0%} of {material.n} keys fire after "
            f"{outcome.epochs} epochs: raise max_epochs or learning_rate "
            "(ImplantConfig), or plant fewer keys"
        )
    if outcome.fresh:
        raise ImplantError(
            f"{len(outcome.fresh)} of {len(material.negatives)} look-alike keys fire after "
            f"{outcome.epochs} epochs: raise max_epochs or negatives (ImplantConfig)"
        )
    for view, places in outcome.views.items():
        if places:
            raise ImplantError(
                f"{len(places)} of {material.n} keys fire in the {view} after "
                f"{outcome.epochs} epochs: raise max_epochs (ImplantConfig)"
            )
