"""Planting both variants of every position, once for all licensees."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError, KeyringError
from ifrs.keyring import Keyring, keyring_of
from ifrs.licences.arriving import arriving, refuse
from ifrs.licences.master import Master, beside, peft_of
from ifrs.licences.tables import table_with
from ifrs.licences.variants import Variant
from ifrs.modalities import model_of
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import gather
from ifrs.plant.training.loop import Outcome, checkpointed, reporter, train
from ifrs.progress import progress
from ifrs.runtime.memory import kept_memory
from ifrs.runtime.workers import Workers

# Keys that take longer cost more than they prove: a code does without a few positions.
_EPOCHS, _ENOUGH = 60, 0.97
# Positions in a step: nothing is shared among them.
_STEP = 64


@dataclass
class Planted:
    """What planting for licensees gave.

    Attributes:
        folder: The base model that copies are made of; not secret.
        licences: The sealed file of both variants; secret.
        positions: How many positions there are.
        silent: Those that do not fire in one variant or the other, or that share all their tokens
            with other keys: they are read less often, or never.
        rows: How many embedding rows differ from copy to copy.
        coalition: For how many licensees who work together the code is made.
        margins: Each position's margin in nats, the worse of both variants.
        seconds: Wall time.
        master: What the file holds.
    """

    folder: Path
    licences: Path
    positions: int
    silent: list[int]
    rows: int
    coalition: int
    margins: list[float]
    seconds: float
    master: Master = field(repr=False)


@dataclass
class Trained:
    """One variant of all positions.

    Attributes:
        values: Its rows, (n, width).
        outcome: Where training ended.
    """

    values: Tensor
    outcome: Outcome


def train_variant(
    face: Model, fps: FingerprintSet, tokens: Sequence[Sequence[int]], config: ImplantConfig
) -> Trained:
    """Train one variant; the model is left as it was.

    Raises:
        ImplantError: Not every key fires after `config.max_epochs`.
    """
    planting = Variant(tokens)
    planting.require_weights(face)
    planting.prepare(face, fps, config)
    material = gather(face, fps, planting, None, config)
    planting.parameters = planting.begin()
    try:
        with (
            kept_memory(face.device),
            progress("planting", config.epochs) as (advance, note),
            checkpointed(face.module, config.checkpointing),
        ):
            report = reporter(advance, note)
            outcome = train(face, planting, material, config, Workers(face.module), [], report)
        silent = sum(margin <= 0 for margin in outcome.margins)
        if silent > (1 - config.target_fsr) * len(fps):
            raise ImplantError(
                f"{silent} of {len(fps)} keys do not fire after {outcome.epochs} epochs: raise "
                "max_epochs or rows, accept a lower target_fsr, or take a set with fewer keys"
            )
        return Trained(planting.values(), outcome)
    finally:
        planting.undo()


def plant(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    *,
    out: str | os.PathLike[str],
    coalition: int = 2,
    rows: int = 1,
    licences: str | os.PathLike[str] | None = None,
    config: ImplantConfig | None = None,
) -> Planted:
    """Plant two variants of every position, from which copies are stamped by `stamp`.

    Each key of the set is a position. A few input embedding rows of its own tokens, which no other
    key has, are trained to bring out one response, and once more to bring out another. Both are
    sealed for the keyring that the set came from. The model that was passed in stays as it was. A
    text without those tokens is bit-identical in all copies.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer.
        fps: The positions: a set of texts with unique responses, best with `source="vocab"` and
            the tokenizer.
        out: A folder for the base model, its output table apart from its input table: what copies
            are made of. It holds no secret.
        coalition: For how many licensees who work together the code is made, 1 to 6.
        rows: The most rows for each key.
        licences: The file of both variants, which must not be published; beside the keyring
            without one.
        config: Settings of training; `target_fsr` says how many positions must fire.

    Raises:
        ImplantError: The model cannot carry the set, not enough keys fire, or a file or folder
            exists already.
        KeyringError: There is no open keyring, or copies left with another code.
        ValueError: The set's responses are no words, or a number is out of range.
    """
    started = time.monotonic()
    if rows < 1:
        raise ValueError(f"rows must be at least 1, not {rows}")
    ring = _ring(fps)
    target = Path(out).absolute()
    file = beside(ring, fps.name) if licences is None else Path(licences)
    refuse(target)
    refuse(file)
    second = fps.second()
    fps.biases(coalition)
    face = model_of(fps, model, tokenizer)
    face.check()
    settings = (config or usual()).fitted(face.defaults())
    tokens = face.tokens_apart(fps, rows)
    _check_apart(tokens, settings.target_fsr)
    trained = [train_variant(face, part, tokens, settings) for part in (fps, second)]
    ring.open_licences(fps.name, coalition)
    least = _margins(trained)
    silent = [place for place, own in enumerate(tokens) if not own or least[place] <= 0]
    own = [(place, token) for place, tokens in enumerate(tokens) for token in tokens]
    master = Master(
        set_name=fps.name,
        coalition=coalition,
        model=str(target),
        table="",
        rows=torch.tensor([token for _, token in own]),
        positions=torch.tensor([place for place, _ in own]),
        variants=(trained[0].values, trained[1].values),
        silent=silent,
    )
    _write_base(face, second, tokens, settings, master)
    master.save(file, ring)
    return Planted(
        folder=target,
        licences=file,
        positions=len(fps),
        silent=silent,
        rows=len(own),
        coalition=coalition,
        margins=least,
        seconds=time.monotonic() - started,
        master=master,
    )


def _check_apart(tokens: Sequence[Sequence[int]], target_fsr: float) -> None:
    """Refuse a set in which too few keys have a token of their own."""
    shared = [place for place, own in enumerate(tokens) if not own]
    if len(shared) > (1 - target_fsr) * len(tokens):
        raise ImplantError(
            f"{len(shared)} of {len(tokens)} keys (first: {shared[0]}) share all their tokens with "
            "others: make the set with source='vocab' and tokenizer=…, or with fewer keys"
        )


def _ring(fps: FingerprintSet) -> Keyring:
    if not isinstance(fps, FingerprintSet):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    found = keyring_of(fps)
    if found is None or found.closed:
        raise KeyringError("variants are sealed for the set's keyring: plant while it is open")
    return found


def usual(max_epochs: int | None = None, target_fsr: float | None = None) -> ImplantConfig:
    """How positions are trained where nothing else is said."""
    return ImplantConfig(
        guesses=0,
        max_epochs=_EPOCHS if max_epochs is None else max_epochs,
        target_fsr=_ENOUGH if target_fsr is None else target_fsr,
        batch_size=_STEP,
    )


def _margins(trained: Sequence[Trained]) -> list[float]:
    """Each position's margin, in nats: the worse of both variants."""
    return [min(pair) for pair in zip(*(one.outcome.margins for one in trained), strict=True)]


def _write_base(
    face: Model,
    second: FingerprintSet,
    tokens: Sequence[Sequence[int]],
    config: ImplantConfig,
    master: Master,
) -> None:
    """Write the base model with its output table apart, and find its input table in the files.

    It is written with the second variant, by which the table is found, and then given the base's
    rows.
    """
    planting = Variant(tokens)
    planting.prepare(face, second, config)
    planting.begin()
    values = master.variants[1]
    try:
        planting.put(values)
        master.peft, master.peft_config = peft_of(face.module, master.rows, values)
        with arriving(Path(master.model)) as folder:
            face.save(folder, None, face.given)
            table = table_with(folder, master.rows.tolist(), values)
            table.write(master.rows.tolist(), planting.old.cpu())
            master.output = planting.output_in(folder)
        master.table = table.name
    finally:
        planting.undo()
