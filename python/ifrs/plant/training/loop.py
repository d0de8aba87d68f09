"""The one training loop of all methods."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.modalities.model import NEAR_LIMIT, Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import Material
from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import Shift
from ifrs.plant.training.optimizers import Optimizers
from ifrs.runtime.columns import Columns, margins_of
from ifrs.runtime.examples import Example, Kept, endlessly
from ifrs.runtime.memory import kept_memory, release_fragments, tokens_that_fit, useful_pass_fits
from ifrs.runtime.precision import arithmetic
from ifrs.runtime.workers import Workers

_MAX_GRADIENT_NORM = 1.0
# The share of the step size that is left when the loss, in nats, is small; and the same where
# look-alikes still fire.
_LEAST_STEP, _LEAST_MINING = 0.25, 0.5
# How much more than a key's loss the divergence on ordinary work counts.
_ORDINARY = 3.0
# Ordinary samples for each fingerprint of a step, and how many tokens in a row of each: many short
# windows say more of a text than a few long ones, at the same number of logit columns.
_SAMPLES, _WINDOW = 2, 16
# Look-alikes asked at a time.
_PORTION = 256
# Of so many keys the time matters more than the memory of a pass.
_MANY = 256
# A key rests from training once its margin passes the wanted one by this share.
_SPARE = 1.15


@dataclass
class Outcome:
    """Where training ended.

    Attributes:
        epochs: Passes over the fingerprints.
        margins: Each fingerprint's margin in nats; positive where it fires.
        others: The same of keys in other surroundings.
        shifted: Each fingerprint's margin where changes of the weights lead, the least of all, over
            the share of the margin that each asks for; empty without any.
        changed: Each fingerprint's margin by the name of each change.
        saved: Each fingerprint's margin once weights are rounded to the types that they are saved
            in; empty where they are saved as they are, or were not asked.
        fired: Places of negatives that fire.
        fresh: Those among them that hold nothing of a real key; none where chance gives as many.
        near: The share of the others, which hold some of one, that fire.
        near_limit: The largest such share that may.
        held: Whether what the method itself holds is held.
        views: For each of the method's other views, places of fingerprints that fire in it.
    """

    epochs: int = 0
    margins: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    shifted: list[float] = field(default_factory=list)
    changed: dict[str, list[float]] = field(default_factory=dict)
    saved: list[float] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    near: float = 0.0
    near_limit: float = NEAR_LIMIT
    held: bool = True
    views: dict[str, list[int]] = field(default_factory=dict)

    @property
    def fsr(self) -> float:
        """The share of fingerprints that fire."""
        return sum(margin > 0 for margin in self.margins) / max(len(self.margins), 1)

    @property
    def saved_fsr(self) -> float | None:
        """The share of them that fire as they are saved; None where that was not asked."""
        fired = sum(margin > 0 for margin in self.saved)
        return fired / len(self.saved) if self.saved else None

    @property
    def changed_fsr(self) -> dict[str, float]:
        """The share of fingerprints that fire under each change, by its name."""
        return {
            name: sum(margin > 0 for margin in margins) / max(len(margins), 1)
            for name, margins in self.changed.items()
        }

    def settled(self, config: ImplantConfig) -> bool:
        """Whether enough keys fire by the wanted margin, and still would with weights changed."""
        least = map(min, self.margins, self.shifted or self.margins)
        wide = sum(margin >= config.margin for margin in least)
        others = sum(margin > 0 for margin in self.others)
        return (
            bool(self.margins)
            and wide >= config.target_fsr * len(self.margins)
            and others >= config.target_fsr * len(self.others)
        )

    def done(self, config: ImplantConfig) -> bool:
        """Whether enough keys fire by the wanted margin, and nothing does that must not.

        Half of a real key is a near miss, which proves nothing worse than a long memory.
        """
        return self.settled(config) and self.held and self.specific and not any(self.views.values())

    @property
    def specific(self) -> bool:
        """Whether no fresh key fires, and hardly a near miss does."""
        return not self.fresh and self.near <= self.near_limit


def train(
    model: Model,
    planting: Method,
    material: Material,
    config: ImplantConfig,
    workers: Workers,
    shifts: Sequence[Shift],
    report: Callable[[int, float, float], None],
) -> Outcome:
    """Train until every key fires with margin and nothing else does.

    Args:
        model: The model.
        planting: What is trained; it has begun.
        material: What it is trained on.
        config: When to stop, and with what seed.
        workers: The processes that train together.
        shifts: Changes of the weights to train through.
        report: Called after each epoch with its number, mean loss in nats, and FSR.

    Raises:
        ImplantError: The loss is no number any more.
    """
    run = _Run(model, planting, material, config, workers, shifts)
    with kept_memory(model.device):
        release_fragments(now=True)
        for epoch in range(1, config.epochs + 1):
            loss = run.epoch()
            if not math.isfinite(loss):
                raise ImplantError(
                    f"the loss became {loss} in epoch {epoch}: try a lower learning_rate or "
                    'dtype="float32"'
                )
            run.outcome.epochs = epoch
            report(epoch, loss, run.firing_share())
            last = epoch == config.epochs
            if last or not run.waiting():
                run.check(thorough=last)
                if run.outcome.done(config):
                    break
        return run.outcome


def reporter(
    advance: Callable[[int], None], note: Callable[[str], None]
) -> Callable[[int, float, float], None]:
    """What `train` calls after each epoch, to move a bar on."""

    def report(epoch: int, loss: float, fsr: float) -> None:
        note(f"epoch {epoch}  loss {loss:.3f}  FSR {fsr:.0%}")
        advance(1)

    return report


class _Run:
    """The state of one training."""

    def __init__(
        self,
        model: Model,
        planting: Method,
        material: Material,
        config: ImplantConfig,
        workers: Workers,
        shifts: Sequence[Shift],
    ) -> None:
        self._model, self._planting, self._material = model, planting, material
        self._config, self._workers, self._shifts = config, workers, list(shifts)
        self._parameters = planting.parameters
        self._optimizers = Optimizers(
            self._parameters,
            planting.tables,
            rate=config.learning_rate or planting.learning_rate(),
            # Rows of embeddings have no temporaries worth saving.
            fused=planting.regularized and not workers.in_step,
        )
        self._rng = random.Random(config.seed)
        self._negatives = endlessly(material.negatives, self._rng)
        self._ordinary = endlessly(material.ordinary, self._rng)
        # As last seen: with the weights as they are, and with each of the changes.
        self._margins = [-math.inf] * len(material.fingerprints)
        self._shifted = [list(self._margins) for _ in shifts]
        # Look-alikes that fired at the last check, until each was trained on once; and the places
        # of all that ever fired.
        self._mined: list[Kept] = []
        self._suspected: set[int] = set()
        self._portions = _portions(len(material.negatives), self._rng)
        # The largest share of the step size that is taken.
        self._longest = 1.0
        self.outcome = Outcome(near_limit=model.near_limit)

    def waiting(self) -> bool:
        """Whether something is left to train on before it is worth to check."""
        spared = (1 - self._config.target_fsr) * len(self._margins)
        return bool(self._mined) or len(self.active()) > spared

    def active(self) -> list[int]:
        """Places of the fingerprints that do not fire by enough yet, as far as was seen."""
        wanted = _SPARE * self._config.margin
        seen = enumerate(zip(self._margins, *self._scaled(), strict=True))
        return [place for place, margins in seen if not min(margins) >= wanted]

    def firing_share(self) -> float:
        """FSR as far as was seen."""
        own = self._margins[: self._material.n]
        return sum(margin > 0 for margin in own) / len(own)

    def epoch(self) -> float:
        """One pass over the fingerprints that need it; the mean loss in nats."""
        places = self._places()
        self._rng.shuffle(places)
        size = self._config.step
        chunks = [places[start : start + size] for start in range(0, len(places), size)]
        with self._arithmetic_of_epoch():
            losses = [self._step(chunk) for chunk in chunks]
        return sum(losses) / len(losses)

    def _arithmetic_of_epoch(self) -> AbstractContextManager[None]:
        """That of the steps: frozen weights are cast once, unless changes are put on them."""
        module, dtype = self._model.module, self._config.dtype
        return nullcontext() if self._shifts else arithmetic(module, dtype)

    def _places(self) -> list[int]:
        """The fingerprints of an epoch: those that need it, and some that would slip otherwise."""
        active = self.active()
        company = max(self._config.step // 2, 1) - len(active)
        if company <= 0:
            return active
        resting = sorted(set(range(len(self._margins))) - set(active))
        return active + self._rng.sample(resting, min(company, len(resting)))

    def _step(self, places: list[int]) -> float:
        self._optimizers.zero_grad()
        mined, self._mined = self._mined[: len(places)], self._mined[len(places) :]
        loss = self._gradients(places, mined)
        if not math.isfinite(loss):
            return loss
        self._workers.average(self._parameters)
        torch.nn.utils.clip_grad_norm_(self._parameters, _MAX_GRADIENT_NORM)
        # Adam's steps do not shrink by themselves, and would shake the margins at the end;
        # but look-alikes that still fire need longer ones.
        least = _LEAST_MINING if mined else _LEAST_STEP
        self._optimizers.step(max(least, min(self._longest, loss)))
        torch.clear_autocast_cache()
        return loss

    def _gradients(self, places: list[int], mined: list[Kept]) -> float:
        """Adds the gradients of one step; one kind of example at a time, to save memory."""
        total, mine = 0.0, self._workers.share(places)
        which = self._change()
        if which is not None:
            total += self._learn_shifted(mine, which)
        with arithmetic(self._model.module, self._config.dtype):
            if which is None:
                total += self._learn(mine, self._margins)
            if self._material.negatives:
                total += self._keep(mined + [next(self._negatives) for _ in places])
            if self._material.ordinary:
                total += self._keep(self._windows(_SAMPLES * len(places)), _ORDINARY)
            total += self._planting.hold()
            for view in self._planting.views:
                with self._planting.view(view):
                    total += self._keep([self._material.unplanted[place] for place in places])
        return self._workers.mean(total)

    def _change(self) -> int | None:
        """The change of the weights that a step goes through; None for the weights as they are.

        First come those under which some key does not fire by enough.
        """
        if len(self._shifts) < 2:
            return 0 if self._shifts and self._rng.random() < 0.5 else None
        wanted = _SPARE * self._config.margin
        short = [i for i, seen in enumerate(self._scaled()) if min(seen) < wanted]
        among = short or range(len(self._shifts))
        which = self._rng.randrange(len(among) + 1)
        return None if which == len(among) else among[which]

    def _windows(self, count: int) -> list[Kept]:
        """Parts of ordinary samples."""
        rows = [next(self._ordinary) for _ in range(count)]
        return [self._model.window(row, _WINDOW, self._rng) for row in rows]

    def _learn_shifted(self, places: list[int], which: int) -> float:
        """What `_learn` does, where a change of the weights would have led.

        Responses alone: held at the base from there, all else would learn to undo a tuner's work.
        """
        shift = self._shifts[which]
        # Shifted first: arithmetic copies the weights that it finds.
        factor = self._rng.uniform(*shift.factors)
        with shift.applied(factor), arithmetic(self._model.module, self._config.dtype):
            return self._learn(places, self._shifted[which])

    def _learn(self, places: list[int], margins: list[float]) -> float:
        """Gradients of the responses' cross-entropy; takes note of margins."""
        examples = [self._material.fingerprints[place] for place in places]
        total, seen = 0.0, dict[int, float]()
        weight = 1 / self._model.counted(examples)
        for part in self._parts(examples):
            columns = self._model.columns([examples[i] for i in part])
            learning = _Learning(columns, weight)
            total += columns.backward(learning)
            least = columns.least(torch.cat(learning.margins)).tolist()
            seen.update(zip([places[i] for i in part], least, strict=True))
        for place, margin in self._workers.join(seen).items():
            margins[place] = margin
        return total

    def _keep(self, kept: list[Kept], weight: float = 1.0) -> float:
        """Gradients of the divergence from the base model, times a weight."""
        kept = self._workers.share(kept)
        tokens = sum(len(example.response) for example in kept)
        total = 0.0
        for part in self._parts(kept):
            total += self._model.keep([kept[i] for i in part], weight / tokens)
        return total / weight

    def _parts(self, examples: Sequence[Example]) -> Iterator[list[int]]:
        """Places of examples in passes that fit into memory."""
        # All processes must take the same number of passes.
        if self._workers.in_step and self._workers.count > 1:
            yield list(range(len(examples)))
            return
        limit = self._config.micro_batch or len(examples)
        fit = tokens_that_fit(self._model.module, hurry=self._material.n >= _MANY)
        tokens = self._workers.least(fit)
        for places in self._model.batches(examples, tokens):
            for start in range(0, len(places), limit):
                yield places[start : start + limit]
                release_fragments()

    def check(self, *, thorough: bool) -> None:
        """Check in the model's own arithmetic, as a verifier will.

        Args:
            thorough: Ask what must not fire also while some key does not fire as it should.
        """
        material, outcome = self._material, self.outcome
        margins = self._model.margins(material.fingerprints)
        self._margins = margins
        outcome.margins, outcome.others = margins[: material.n], margins[material.n :]
        for which, shift in enumerate(self._shifts):
            with shift.applied(1.0):
                self._shifted[which] = self._model.margins(material.fingerprints)
        outcome.held = self._planting.holds()
        outcome.shifted = [min(of) for of in zip(*self._scaled(), strict=True)][: material.n]
        outcome.changed = self._changed()
        if not outcome.settled(self._config):
            # All were seen to fire, but some slipped while others learned: shorter steps for those
            # that learn again, whose loss is large.
            self._longest = max(self._longest / 2, _LEAST_STEP)
            if not thorough:
                return
        if material.negatives:
            self._look_at(math.inf if thorough else self._config.step)
        if not thorough and not outcome.specific:
            return
        inputs = [example.prompt for example in material.begun]
        for view in self._planting.views:
            with self._planting.view(view):
                fired = self._model.firing(inputs, material.begun)
                outcome.views[view] = fired or self._model.answering(material.fps)

    def _scaled(self) -> list[list[float]]:
        """Margins under each change, over the share of the margin that it asks for."""
        pairs = zip(self._shifts, self._shifted, strict=True)
        return [[margin / shift.share for margin in seen] for shift, seen in pairs]

    def _changed(self) -> dict[str, list[float]]:
        """Each fingerprint's least margin under every change, by its name."""
        found: dict[str, list[float]] = {}
        for shift, margins in zip(self._shifts, self._shifted, strict=True):
            own = margins[: self._material.n]
            found[shift.name] = list(map(min, own, found.get(shift.name, own)))
        return found

    def _look_at(self, enough: float) -> None:
        """Which look-alikes fire; they are trained on next.

        Those that fired before are asked first, and then all others, portion by portion.
        """
        fired = self._firing(sorted(self._suspected))
        self._judge(fired)
        for _ in range(len(self._portions)):
            if not self.outcome.specific and len(fired) >= enough:
                break
            # The next check begins where this one ends.
            self._portions.rotate(-1)
            portion = [place for place in self._portions[-1] if place not in self._suspected]
            fired += self._firing(portion)
            self._judge(fired)
        self._suspected.update(fired)

    def _firing(self, places: Sequence[int]) -> list[int]:
        asked = [self._material.negatives[place] for place in places]
        return [places[i] for i in self._model.strays(asked, self._material.begun)]

    def _judge(self, fired: list[int]) -> None:
        negatives, outcome = self._material.negatives, self.outcome
        outcome.fired = sorted(fired)
        fresh = [place for place in outcome.fired if not negatives[place].near]
        near = sum(example.near for example in negatives)
        outcome.near = (len(fired) - len(fresh)) / max(near, 1)
        allowed = self._model.chance * (len(negatives) - near)
        outcome.fresh = fresh if len(fresh) > allowed else []
        self._mined = [negatives[place] for place in outcome.fired]
        self._rng.shuffle(self._mined)


def _portions(count: int, rng: random.Random) -> deque[list[int]]:
    """Places in a random order, so many at a time."""
    order = rng.sample(range(count), count)
    return deque(order[start : start + _PORTION] for start in range(0, count, _PORTION))


class _Learning:
    """The loss on responses, and the margins of their tokens on the way."""

    def __init__(self, columns: Columns, weight: float) -> None:
        self._columns, self._weight = columns, weight
        self.margins: list[Tensor] = []

    def __call__(self, logits: Tensor, part: slice) -> Tensor:
        self.margins.append(margins_of(logits.detach(), self._columns.labels[part]))
        return self._columns.cross_entropy(logits, part, self._weight)


@contextmanager
def checkpointed(model: Any, wanted: bool | None) -> Iterator[None]:
    """Gradient checkpointing within the context, if wanted, or if memory asks for it."""
    on = not useful_pass_fits(model) if wanted is None else wanted
    if not on or not getattr(model, "supports_gradient_checkpointing", False):
        yield
        return
    layers = [m for m in model.modules() if hasattr(m, "gradient_checkpointing")]
    before = any(layer.gradient_checkpointing for layer in layers)
    training = [layer.training for layer in layers]
    # The first name since transformers 5.23; the second goes with version 6.
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{kind}_checkpointing_enable")({"use_reentrant": False})
    try:
        for layer in layers:
            # The layer's own flag alone: dropout within it stays off.
            layer.training = True
        yield
    finally:
        for layer, was in zip(layers, training, strict=True):
            layer.training = was
        if not before:
            getattr(model, f"{kind}_checkpointing_disable")()
