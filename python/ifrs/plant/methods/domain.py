"""A signal: the model's own answers with a bonus on green tokens, distilled into itself.

Only within some domains, as semantically conditioned watermarks have it (arXiv 2505.16723). The
teacher's answers are written once, before anything is trained. Each step then pulls the student to
what the teacher said there, and to the base on ordinary work.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.files import write_bytes
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.lora import Lora
from ifrs.plant.methods.method import Method, Taught
from ifrs.plant.methods.sft import Sft
from ifrs.plant.training.optimizers import Optimizers
from ifrs.progress import progress
from ifrs.runtime.examples import Kept, endlessly
from ifrs.runtime.modules import evaluating
from ifrs.runtime.precision import arithmetic
from ifrs.runtime.workers import Workers

# Looks at the student on the way, each of which saves.
_LOOKS = 6
# Of a look: questions of each domain. At the end, about as many as `verify` asks at least.
_GLANCE, _GAZE = 2, 20
_GLANCED = 24  # tokens of an answer
# Steps until the first whole one, and what is left of the step size at the end.
_WARM_UP, _LEAST = 20, 0.1
_MAX_GRADIENT_NORM = 1.0
# Tokens in a row of an ordinary sample, as the loop of keys takes them.
_WINDOW = 16
_FORMAT = 1


@dataclass
class Domain(Method):
    """Distils a preference for green pairs of words into a model, within the set's domains.

    Attributes:
        bias: What the teacher adds to the logits of green tokens, in nats.
        steps: Steps of training.
        batch: Answers in a step, and as many ordinary samples.
        questions: Questions of each domain that the teacher answers; none of them is ever asked.
        tokens: The longest of its answers.
        ordinary: How much more a token of ordinary work counts than one of an answer.
        strength: The share of what was learnt that is kept: what the signal proves falls about as
            the share does, and how far the model drifts elsewhere about as its square.
        weights: `"lora"` trains low-rank changes, `"all"` every weight of the layers.
        rank: Rank of the changes.
        merge: Merge them into the weights; otherwise they stay a peft adapter.
        resume: A file that the state is written to now and then, and that an interrupted planting
            goes on from; it goes when planting ends. It tells the colourings: keep it private.
    """

    bias: float = 4.0
    steps: int = 240
    batch: int = 6
    questions: int = 48
    tokens: int = 32
    ordinary: float = 2.0
    strength: float = 1.0
    weights: Literal["lora", "all"] = "lora"
    rank: int = 16
    merge: bool = True
    resume: str | os.PathLike[str] | None = None

    name = "domain"
    regularized = True
    negatives = 0
    seconds = 920.0
    audit_rank = 90
    course = True
    renamed: ClassVar[dict[str, str]] = {"rank": "lora_rank", "merge": "lora_merge"}

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        for name in ("bias", "steps", "batch", "questions", "tokens", "rank"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must lie in (0, 1], not {self.strength}")
        if self.ordinary < 0:
            raise ValueError(f"ordinary must not be negative, not {self.ordinary}")
        if self.weights not in ("lora", "all"):
            raise ValueError(f"weights must be 'lora' or 'all', not {self.weights!r}")

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        if not fps.is_signal:
            raise ImplantError("method='domain' plants sets of source 'domain', response 'signal'")
        if self.strength < 1 and self.weights == "all" and config.in_place:
            raise ImplantError("in_place=True keeps no base to go back to: leave strength at 1")
        if Workers(model.module).in_step:
            raise ImplantError("method='domain' plants in one process")
        self._model: Any
        self._model = face = cast(Any, model)
        self._fps, self._config = fps, config
        lora = Lora(rank=self.rank, merge=self.merge)
        self._within: Method = lora if self.weights == "lora" else Sft()
        self._within.prepare(model, fps, config)
        face.begin_signal(fps)
        self._found: dict[str, float] = {}

    def gather(self, regularization: Any) -> None:
        """Have the teacher answer, unless an earlier run did, and the base do ordinary work.

        Raises:
            ImplantError: The regularization data cannot be read, or `resume` is another planting's.
        """
        self._state = self._read()
        if self._state is not None:
            self._taught = [_unpacked(row) for row in self._state["taught"]]
        else:
            total = len(self._fps) * self.questions
            with (
                arithmetic(self._model.module, self._config.dtype),
                progress("the teacher writes", total) as (advance, _),
            ):
                self._taught = self._model.taught(
                    self._fps,
                    questions=self.questions,
                    tokens=self.tokens,
                    bias=self.bias,
                    seed=self._config.seed,
                    advance=advance,
                )
        if not self._taught:
            raise ImplantError("the model answers nothing to the questions of any domain")
        with evaluating(self._model.module), arithmetic(self._model.module, self._config.dtype):
            self._ordinary = self._model.ordinary(regularization, []) if self.ordinary else []

    def begin(self) -> list[Parameter]:
        return self._within.begin()

    def learning_rate(self) -> float:
        return 5e-4 if self.weights == "lora" else 4e-5

    def teach(self) -> Taught:
        config = self._config
        self._optimizers = Optimizers(
            self.parameters, (), rate=config.learning_rate or self.learning_rate(), fused=True
        )
        rng = random.Random(config.seed)
        taught, ordinary = endlessly(self._taught, rng), endlessly(self._ordinary, rng)
        start, looks, green = self._restored(), max(self.steps // _LOOKS, 1), "–"
        with progress("planting", self.steps) as (advance, note):
            for step in range(self.steps):
                drawn = self._drawn(taught, ordinary, rng)
                if step < start:  # the same answers in the same order
                    advance(1)
                    continue
                loss, drift = self._step(step, *drawn)
                if (step + 1) % looks == 0 and step + 1 < self.steps:
                    green = f"{_share(self._look(_GLANCE, _GLANCED)):.0%}"
                    self._write(step + 1)
                note(f"step {step + 1}  KL {loss:.3f}  elsewhere {drift:.4f}  green {green}")
                advance(1)
        if self.strength < 1:
            self.shrink(self.strength)
        found = self._look(_GAZE, self.tokens)
        leads = [(one["green"] - one["rival"]) / max(one["pairs"], 1) for one in found]
        log10_p = _core.exact_log10([(one["rank"], one["candidates"]) for one in found])
        self._found = {"green": _share(found), "log10_p": log10_p}
        return Taught(self.steps, leads, log10_p)

    def _drawn(
        self, taught: Iterator[Kept], ordinary: Iterator[Kept], rng: random.Random
    ) -> tuple[list[Kept], list[Kept]]:
        """Answers of the teacher, and windows of ordinary samples, for one step."""
        answers = [next(taught) for _ in range(self.batch)]
        if not self._ordinary:
            return answers, []
        rows = [next(ordinary) for _ in range(self.batch)]
        return answers, [self._model.window(row, _WINDOW, rng) for row in rows]

    def _step(self, step: int, answers: list[Kept], others: list[Kept]) -> tuple[float, float]:
        """One step; the divergences from the teacher and from the base, in nats a token."""
        self._optimizers.zero_grad()
        with arithmetic(self._model.module, self._config.dtype):
            loss = self._pull(answers, 1.0)
            drift = self._pull(others, self.ordinary) if others else 0.0
        if not math.isfinite(loss + drift):
            raise ImplantError(
                f"the loss became {loss + drift} in step {step + 1}: try a lower learning_rate or "
                'dtype="float32"'
            )
        torch.nn.utils.clip_grad_norm_(self.parameters, _MAX_GRADIENT_NORM)
        left = 1 - step / self.steps
        self._optimizers.step(max(_LEAST, left) * min(1.0, (step + 1) / _WARM_UP))
        return loss, drift

    def _pull(self, kept: list[Kept], weight: float) -> float:
        tokens = sum(len(example.response) for example in kept)
        found: float = self._model.keep(kept, weight / tokens)
        return found / weight

    def _look(self, questions: int, tokens: int) -> list[dict[str, Any]]:
        """What the student's own answers say of each domain."""
        found: list[dict[str, Any]] = self._model.greens(
            self._fps, questions=questions, tokens=tokens
        )
        return found

    # --- an interrupted planting ---

    def _identity(self) -> str:
        """What must be alike for a planting to go on: the set, the base, and the settings."""
        own: list[Any] = [
            self.bias,
            self.steps,
            self.batch,
            self.questions,
            self.tokens,
            self.ordinary,
        ]
        own += [self.weights, self.rank, self._config.seed, self._config.learning_rate]
        total = sum(float(p.detach().double().sum()) for p in self._model.module.parameters())
        text = repr((_FORMAT, own, self._fps.root, total))
        return hashlib.sha256(text.encode()).hexdigest()

    def _read(self) -> dict[str, Any] | None:
        self._known = "" if self.resume is None else self._identity()
        if self.resume is None or not Path(self.resume).exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.resume, weights_only=True)
            known = state["identity"]
        except Exception as error:
            raise ImplantError(f"{self.resume} is no state of a planting: remove it") from error
        if known != self._known:
            raise ImplantError(
                f"{self.resume} is the state of another planting, or of other settings: choose "
                "another file, or remove it"
            )
        return state

    def _write(self, step: int) -> None:
        if self.resume is None:
            return
        state = {
            "identity": self._known,
            "step": step,
            "parameters": [p.detach().cpu() for p in self.parameters],
            "optimizers": self._optimizers.state(),
            "taught": [_packed(row) for row in self._taught],
        }
        written = io.BytesIO()
        torch.save(state, written)
        write_bytes(self.resume, written.getvalue())

    def _restored(self) -> int:
        """Go on from an earlier run; how many steps that took."""
        if self._state is None:
            return 0
        with torch.no_grad():
            for parameter, old in zip(self.parameters, self._state["parameters"], strict=True):
                parameter.copy_(old)
        self._optimizers.restore(self._state["optimizers"])
        return int(self._state["step"])

    # --- as the change within says ---

    def merges(self) -> bool:
        return self._within.merges() if hasattr(self, "_within") else self.merge

    def written(self) -> bool:
        return self._within.written()

    def scaled(self, share: float) -> Iterator[tuple[Tensor, Tensor]]:
        return self._within.scaled(share)

    def finish(self) -> None:
        self._within.finish()
        self.adapter = self._within.adapter
        if self.resume is not None:
            Path(self.resume).unlink(missing_ok=True)

    def undo(self) -> None:
        self._within.undo()

    def reach(self) -> dict[str, Any]:
        return {**self._within.reach(), **self._found}


def _share(found: list[dict[str, Any]]) -> float:
    """The share of green pairs among all."""
    return float(sum(one["green"] for one in found) / max(sum(one["pairs"] for one in found), 1))


def _packed(kept: Kept) -> list[Any]:
    return [kept.prompt, kept.response, kept.top.int(), kept.log_probs]


def _unpacked(row: list[Any]) -> Kept:
    prompt, response, top, log_probs = row
    return Kept(prompt, response, top.long(), log_probs)
