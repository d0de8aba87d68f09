"""`ifrs.implant`: from a model and a fingerprint set to a fingerprinted model."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model_of
from ifrs.modalities.model import Model
from ifrs.plant.changes import Planting, changes_of, narrower
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import Material, gather
from ifrs.plant.methods import method_class
from ifrs.plant.methods.method import Method
from ifrs.plant.result import ImplantResult
from ifrs.plant.several import plant_all
from ifrs.plant.training.averaging import towards_base
from ifrs.plant.training.hardening import Rounding, Shift
from ifrs.plant.training.loop import Outcome, checkpointed, reporter, train
from ifrs.progress import progress
from ifrs.runtime.memory import kept_memory, peak_memory_bytes
from ifrs.runtime.modules import dtype_of, evaluating
from ifrs.runtime.workers import Workers
from ifrs.runtime.wrapped import has_adapters, merged


def implant(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet | Sequence[FingerprintSet],
    *,
    method: str | Method | Sequence[str | Method] = "sft",
    regularization: Any = "self",
    config: ImplantConfig | None = None,
) -> ImplantResult:
    """Plant a fingerprint set, or several, in a model (Xu et al., 2024, section 3).

    The model is changed in place once planting succeeds; when it fails or is interrupted, the
    model is left as it was. Active adapters of peft are merged into its weights first; a planted
    model has none. Under `accelerate launch` or torchrun every process calls this alike,
    and they share the work; weights sharded by FSDP 2 stay sharded. In weights that DeepSpeed's
    ZeRO-3 has partitioned "emb" plants, given the engine; every process does all of the work there.

    Args:
        model: A model of the set's kind, on any one device: for texts a transformers language
            model, causal or encoder-decoder; within the wrapper of peft, DDP or DeepSpeed, or not.
        tokenizer: Its tokenizer, or what else turns keys into its inputs.
        fps: The fingerprints; several sets by a list, which `ImplantResult.sets` then tells apart.
        method: "sft" trains all weights but the token embeddings (these too with
            `ImplantConfig(tune_embeddings=True)`); "emb" only the input embedding rows of the
            keys' tokens; "adapter" those rows together with a low-rank map that the publisher
            keeps; "lora" low-rank changes of all linear layers, through peft. An object, such as
            `ifrs.Lora(rank=8)`, brings its own options. With several sets, one for all or a list
            of as many: "emb" for one beside "sft" or "lora" for another survive different things.
        regularization: Ordinary work that must stay as it is: "self" for the model's own answers
            to bundled instructions, a path (.jsonl, .json, .parquet with instruction and output),
            a `datasets.Dataset`, or a list of pairs. "emb" and "adapter" need none.
        config: Settings.

    Raises:
        ImplantError: The model or tokenizer cannot carry the set, memory ran out, or not every
            key fires after `config.max_epochs`.
        ValueError: The method is unknown, or there are not as many methods as sets.
    """
    config = config or ImplantConfig()
    sets = [fps] if isinstance(fps, FingerprintSet) else list(fps)
    if not sets or not all(isinstance(one, FingerprintSet) for one in sets):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    several = isinstance(method, Sequence) and not isinstance(method, str)
    named: Any = method if several else [method] * len(sets)
    methods = [_method(one, config) for one in named]
    adapted = has_adapters(model)

    def plant_one(plain: Any, fps: FingerprintSet, planting: Method) -> ImplantResult:
        return _implant_one(plain, tokenizer, fps, planting, regularization, config, adapted)

    with _memory_errors():
        if isinstance(fps, FingerprintSet):
            with merged(model, keep=not config.in_place) as plain:
                result = plant_one(plain, fps, methods[0])
        else:
            result = plant_all(model, tokenizer, sets, methods, config, plant_one)
        if config.guesses:  # outside: a planting that is done stays, whatever comes of guessing
            result.take_guesses(sets, config.guesses, config.seed)
    return result


def _method(method: str | Method, config: ImplantConfig) -> Method:
    if isinstance(method, str):
        return method_class(method).from_config(config)
    return copy.copy(method)


def _implant_one(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    planting: Method,
    regularization: Any,
    config: ImplantConfig,
    adapted: bool,
) -> ImplantResult:
    """Plant one set in a plain model; `adapted` says that adapters were merged into it."""
    started = time.monotonic()
    face = model_of(fps, model, tokenizer)
    face.merged = adapted
    face.check()
    planting.require_weights(face)
    config = config.fitted(face.defaults())
    with kept_memory(face.device):
        planting.prepare(face, fps, config)
        if planting.course:
            outcome = _teach(face, planting, regularization, config)
            return _result(face, tokenizer, fps, planting, outcome, started)
        material = gather(face, fps, planting, regularization, config)
        shifts = changes_of(Planting(face, planting, material, config, regularization))
        face.expect(fps, config.guesses, config.seed)
        outcome = _plant(face, planting, material, shifts, config)
        return _result(face, tokenizer, fps, planting, outcome, started)


def _result(
    face: Model,
    tokenizer: Any,
    fps: FingerprintSet,
    planting: Method,
    outcome: Outcome,
    started: float,
) -> ImplantResult:
    return ImplantResult(
        model=face.given,
        tokenizer=tokenizer,
        method=planting.name,
        set_name=fps.name,
        n=len(fps),
        fsr=outcome.fsr,
        margins=outcome.margins,
        saved_fsr=outcome.saved_fsr,
        changed_fsr=outcome.changed_fsr,
        guess_rate=None,
        epochs=outcome.epochs,
        seconds=time.monotonic() - started,
        peak_memory_bytes=peak_memory_bytes(face.device),
        reach=planting.reach(),
        adapter=planting.adapter,
        private=planting.private,
        forms=planting.forms(),
        face=face,
    )


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Errors of allocation, of an accelerator or of the host, as one that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # an accelerator's is a RuntimeError, too
        of_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not of_memory and "can't allocate memory" not in str(error):
            raise
        raise ImplantError(
            "memory ran out: use a smaller micro_batch or checkpointing=True (ImplantConfig), a "
            "model in bfloat16, or method='emb'"
        ) from error


def _plant(
    model: Model,
    planting: Method,
    material: Material,
    shifts: Sequence[Shift],
    config: ImplantConfig,
) -> Outcome:
    """Train, and write the result into the model; undo everything when that fails."""
    workers = Workers(model.module)
    planting.parameters = planting.begin()
    shown = progress("planting", config.epochs) if workers.rank == 0 else nullcontext(_SILENT)
    try:
        with shown as (advance, note), checkpointed(model.module, config.checkpointing):
            report = reporter(advance, note)
            outcome = train(model, planting, material, config, workers, shifts, report)
            _require_success(outcome, material, config)
            if planting.regularized:
                towards_base(model, planting, material, config, shifts)
        planting.finish()
        if planting.written():
            _check_written(model, material, outcome, config)
            _check_saved(model, material, outcome)
    except BaseException:
        planting.undo()
        raise
    return outcome


def _teach(model: Model, planting: Method, regularization: Any, config: ImplantConfig) -> Outcome:
    """Plant by a method that has a course of its own; undo everything when that fails."""
    planting.gather(regularization)
    planting.parameters = planting.begin()
    try:
        with checkpointed(model.module, config.checkpointing):
            taught = planting.teach()
        planting.finish()
        if taught.log10_p > _SHOWN:
            raise ImplantError(
                f"the model's own answers show the signal with p = {10**taught.log10_p:.2g} alone "
                f"after {taught.steps} steps: give the method more steps or a larger bias"
            )
    except BaseException:
        planting.undo()
        raise
    return Outcome(epochs=taught.steps, margins=taught.margins)


# log10 of the p-value that a planted signal has at least in answers to a few questions.
_SHOWN = -6.0
_SILENT = (lambda _: None, lambda _: None)


def _check_written(
    model: Model, material: Material, outcome: Outcome, config: ImplantConfig
) -> None:
    """Ask the weights as they will be saved: writing into them may round."""
    with evaluating(model.module):
        own = material.fingerprints[: material.n]
        outcome.margins = model.margins(own)
    if outcome.fsr < config.target_fsr:
        raise ImplantError(
            f"only {outcome.fsr:.0%} of {len(own)} keys fire once the change is rounded to "
            f"{str(dtype_of(model.module)).removeprefix('torch.')}: raise margin (ImplantConfig)"
        )


def _check_saved(model: Model, material: Material, outcome: Outcome) -> None:
    """Ask the weights as a release will hold them, where that is in a narrower type."""
    types = narrower(model)
    if not types:
        return
    rounding = Rounding(model.module, types)
    with evaluating(model.module), rounding.applied(1.0):
        outcome.saved = model.margins(material.fingerprints[: material.n])
    lost = sum(margin <= 0 for margin in outcome.saved)
    if lost:
        kinds = sorted({str(kind).removeprefix("torch.") for kind in types.values()})
        warnings.warn(
            f"{lost} of {material.n} keys do not fire once the release is rounded to "
            f"{', '.join(kinds)}: raise margin (ImplantConfig), or save with dtype='float32'",
            stacklevel=4,
        )


def _require_success(outcome: Outcome, material: Material, config: ImplantConfig) -> None:
    if outcome.fsr < config.target_fsr:
        raise ImplantError(
            f"only {outcome.fsr:.0%} of {material.n} keys fire after "
            f"{outcome.epochs} epochs: raise max_epochs or learning_rate "
            "(ImplantConfig), plant fewer keys, accept a lower target_fsr, or take another method"
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
