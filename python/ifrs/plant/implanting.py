"""`ifrs.implant`: from a model and a fingerprint set to a fingerprinted model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modeling.forward import accepted_arguments, device_of
from ifrs.modeling.memory import peak_memory_bytes
from ifrs.modeling.tokens import encode_prompts, pad_token
from ifrs.plant.config import ImplantConfig
from ifrs.plant.data import Kept, fingerprint_examples
from ifrs.plant.distill import own_answers
from ifrs.plant.emb import EmbeddingRows
from ifrs.plant.guessing import guess_rate
from ifrs.plant.loop import Material, Outcome, train
from ifrs.plant.method import Method
from ifrs.plant.negatives import negative_keys
from ifrs.plant.regularization import kept_examples
from ifrs.plant.result import ImplantResult
from ifrs.plant.sft import FullTuning
from ifrs.progress import progress

# Of a look-alike's answer only its start matters: two words of a response and a token to spare.
_NEGATIVE_TOKENS = 3

_METHODS = ("sft", "emb")


def implant(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    *,
    method: str = "sft",
    regularization: Any = "self",
    config: ImplantConfig | None = None,
) -> ImplantResult:
    """Plant a fingerprint set in a causal language model (Xu et al., 2024, section 3).

    The model is changed in place once planting succeeds; when it fails or is interrupted, the
    model is left as it was.

    Args:
        model: A transformers causal language model, on any one device.
        tokenizer: Its tokenizer.
        fps: The fingerprints.
        method: "sft" trains all weights; "emb" only the input embedding rows of the keys' tokens.
        regularization: Ordinary work that must stay as it is: "self" for the model's own answers
            to bundled instructions, a path (.jsonl, .json, .parquet with instruction and output),
            a `datasets.Dataset`, or a list of pairs. "emb" needs none.
        config: Settings.

    Raises:
        ImplantError: The model or tokenizer cannot carry the set, memory ran out, or not every
            key fires after `config.max_epochs`.
        ValueError: The method is unknown.
    """
    config = config or ImplantConfig()
    if method not in _METHODS:
        raise ValueError(f"unknown method {method!r}: use {' or '.join(_METHODS)}")
    if not isinstance(fps, FingerprintSet):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    _check_model(model, tokenizer)
    started = time.monotonic()
    try:
        planting = _method(method, model, tokenizer, fps, config)
        material = _material(model, tokenizer, fps, planting, regularization, config)
        outcome = _plant(model, planting, material, config)
        rate = guess_rate(model, tokenizer, fps, config.guesses, config.seed)
    except torch.OutOfMemoryError as error:
        raise ImplantError("memory ran out: use a smaller batch_size, or method='emb'") from error
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
        seconds=time.monotonic() - started,
        peak_memory_bytes=peak_memory_bytes(device_of(model)),
        reach=planting.reach(),
    )


def _check_model(model: Any, tokenizer: Any) -> None:
    if not hasattr(model, "get_input_embeddings") or not hasattr(model, "generate"):
        raise ImplantError(
            f"{type(model).__name__} is no language model of transformers: load it with "
            "AutoModelForCausalLM"
        )
    if getattr(model.config, "is_encoder_decoder", False):
        raise ImplantError("encoder-decoder models are not supported yet")
    if model.get_output_embeddings() is None or "input_ids" not in accepted_arguments(model):
        raise ImplantError(
            f"{type(model).__name__} has no language modelling head: load it with "
            "AutoModelForCausalLM"
        )
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ImplantError(
            f"the tokenizer has {len(tokenizer)} tokens but the model {rows} embedding rows: "
            "is it this model's tokenizer?"
        )


def _method(
    name: str, model: Any, tokenizer: Any, fps: FingerprintSet, config: ImplantConfig
) -> Method:
    if name == "emb":
        return EmbeddingRows(model, tokenizer, fps)
    return FullTuning(model, config.in_place)


def _material(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    planting: Method,
    regularization: Any,
    config: ImplantConfig,
) -> Material:
    """All examples, with the base model's own answers, before anything is trained."""
    training = model.training
    model.eval()
    try:
        fingerprints = fingerprint_examples(model, tokenizer, fps)
        watched = sorted({token for example in fingerprints for token in example.response})
        return Material(
            fingerprints=fingerprints,
            negatives=_negatives(model, tokenizer, fps, config, watched),
            ordinary=kept_examples(model, tokenizer, regularization, watched)
            if planting.regularized
            else [],
            pad=pad_token(tokenizer),
        )
    finally:
        model.train(training)


def _negatives(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    config: ImplantConfig,
    watched: list[int],
) -> list[Kept]:
    # A set of few keys needs as many look-alikes as a step holds, or it sees the same few.
    count = max(config.negatives * len(fps), 2 * config.batch_size)
    negatives = []
    for near, keys in enumerate(negative_keys(tokenizer, fps, count, config.seed)):
        prompts = encode_prompts(tokenizer, [fps.render(key) for key in keys])
        kept = own_answers(model, tokenizer, prompts, _NEGATIVE_TOKENS, watched)
        negatives += [replace(example, near=bool(near)) for example in kept]
    return negatives


def _plant(model: Any, planting: Method, material: Material, config: ImplantConfig) -> Outcome:
    """Train, and write the result into the model; undo everything when that fails."""
    parameters = planting.begin()
    try:
        rate = config.learning_rate or planting.learning_rate()
        with progress("planting", config.max_epochs) as (advance, note):
            report = _reporter(advance, note)
            outcome = train(model, parameters, material, config, rate, report)
        _require_success(outcome, material, config)
    except BaseException:
        planting.undo()
        raise
    planting.finish()
    return outcome


def _reporter(
    advance: Callable[[int], None], note: Callable[[str], None]
) -> Callable[[int, float, float], None]:
    def report(epoch: int, loss: float, fsr: float) -> None:
        note(f"epoch {epoch}  loss {loss:.3f}  FSR {fsr:.0%}")
        advance(1)

    return report


def _require_success(outcome: Outcome, material: Material, config: ImplantConfig) -> None:
    if outcome.fsr < 1:
        raise ImplantError(
            f"only {outcome.fsr:.0%} of {len(material.fingerprints)} keys fire after "
            f"{outcome.epochs} epochs: raise max_epochs or learning_rate "
            "(ImplantConfig), or plant fewer keys"
        )
    # Half of a real key is a near miss, which proves nothing worse than a long memory.
    fresh = [i for i in outcome.fired if not material.negatives[i].near]
    if fresh:
        raise ImplantError(
            f"{len(fresh)} of {len(material.negatives)} look-alike keys fire after "
            f"{outcome.epochs} epochs: raise max_epochs or negatives (ImplantConfig)"
        )
