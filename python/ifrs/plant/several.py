"""Planting several sets in one model, one after the other.

Methods that change ordinary text come first: what a later one changes could disturb the keys of an
earlier one, and rows of rare tokens hardly do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model_of
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Method
from ifrs.plant.result import ImplantResult
from ifrs.runtime.modules import evaluating
from ifrs.runtime.wrapped import merged

PlantOne = Callable[[Any, FingerprintSet, Method], ImplantResult]


def plant_all(
    model: Any,
    tokenizer: Any,
    sets: Sequence[FingerprintSet],
    methods: Sequence[Method],
    config: ImplantConfig,
    plant_one: PlantOne,
) -> ImplantResult:
    """Plant every set, and ask all of them at the end.

    Args:
        model: A model of the sets' kind.
        tokenizer: What turns keys into its inputs.
        sets: The fingerprints.
        methods: How each of them is planted.
        config: Settings of all.
        plant_one: Plants one set in a plain model.

    Raises:
        ImplantError: A set cannot be planted, or lost keys to another one; the model is as it was.
    """
    _check(sets, methods)
    order = sorted(range(len(sets)), key=lambda place: not methods[place].regularized)
    found: dict[int, ImplantResult] = {}
    with merged(model, keep=not config.in_place) as plain:
        try:
            for place in order:
                found[place] = plant_one(plain, sets[place], methods[place])
            results = [found[place] for place in range(len(sets))]
            _ask(plain, tokenizer, sets, results, config)
        except BaseException:
            for place in reversed(list(found)):
                methods[place].undo()
            raise
    return _together(found[order[-1]], results)


def _check(sets: Sequence[FingerprintSet], methods: Sequence[Method]) -> None:
    names = [fps.name for fps in sets]
    if len(set(names)) < len(names):
        raise ValueError("a set can be planted once in a model: give sets of different names")
    if len(methods) != len(sets):
        raise ValueError(f"{len(sets)} sets need {len(sets)} methods, not {len(methods)}")
    alone = [method.name for method in methods if method.course]
    if alone:
        raise ImplantError(
            f"method={alone[0]!r} plants one set at a time: plant the others first, then its own"
        )
    apart = [method.name for method in methods if not method.merges()]
    if apart:
        raise ImplantError(
            f"method={apart[0]!r} keeps a part beside the model, and several sets are planted in "
            "the model alone: use emb, sft or lora that is merged"
        )


def _ask(
    plain: Any,
    tokenizer: Any,
    sets: Sequence[FingerprintSet],
    results: Sequence[ImplantResult],
    config: ImplantConfig,
) -> None:
    """Ask every set again: planting one may have disturbed another."""
    for fps, result in zip(sets, results, strict=True):
        face = model_of(fps, plain, tokenizer)
        with evaluating(face.module):
            result.margins = face.margins(face.fingerprints(fps))
        result.fsr = sum(margin > 0 for margin in result.margins) / len(fps)
        if result.fsr < config.target_fsr:
            raise ImplantError(
                f"only {result.fsr:.0%} of the keys of set {fps.name!r} fire after the other sets "
                "were planted: plant one set by sft or lora and the others by emb, or raise margin "
                "(ImplantConfig)"
            )


def _together(last: ImplantResult, results: list[ImplantResult]) -> ImplantResult:
    """One result of all sets, which saves the model once."""
    n = sum(result.n for result in results)
    return ImplantResult(
        model=last.model,
        tokenizer=last.tokenizer,
        method=" + ".join(result.method for result in results),
        set_name=", ".join(result.set_name for result in results),
        n=n,
        fsr=sum(result.fsr * result.n for result in results) / n,
        margins=[margin for result in results for margin in result.margins],
        saved_fsr=None,
        guess_rate=None,
        epochs=sum(result.epochs for result in results),
        seconds=sum(result.seconds for result in results),
        peak_memory_bytes=max(result.peak_memory_bytes for result in results),
        reach={result.set_name: result.reach for result in results},
        # The rows alone would lack what the other sets changed.
        forms={name: form for name, form in last.forms.items() if name == "tied"},
        face=last.face,
        sets=results,
    )
