"""Planting from within somebody's own training code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model_of
from ifrs.runtime.examples import Example
from ifrs.runtime.modules import evaluating

if TYPE_CHECKING:
    from transformers import TrainerCallback
else:
    try:
        from transformers import TrainerCallback
    except ImportError:  # ifrs says so when the callback is made
        TrainerCallback = object


class FingerprintCallback(TrainerCallback):  # type: ignore[misc]
    """Logs how a fingerprint set fares while a `transformers.Trainer` (or TRL's) trains.

    Logs `fingerprint/fsr` and `fingerprint/least_margin` (nats), checked teacher-forced in
    evaluation mode. Nothing secret is logged.

    Attributes:
        history: (step, FSR, least margin) of every check.
    """

    def __init__(
        self,
        fps: FingerprintSet,
        every: int = 100,
        *,
        tokenizer: Any = None,
        stop_at: float | None = None,
    ) -> None:
        """Choose when to check.

        Args:
            fps: The fingerprints.
            every: Steps between checks; the end of training is checked in any case.
            tokenizer: The model's; None for the trainer's own.
            stop_at: End the training once every key's margin reaches this, in nats; None not to.

        Raises:
            ValueError: `every` is less than 1.
            ImplantError: transformers is not installed.
        """
        if TrainerCallback is object:
            raise ImplantError("FingerprintCallback needs transformers: pip install 'ifrs[train]'")
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        if not isinstance(fps, FingerprintSet):
            raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
        self._fps, self._every, self._stop_at = fps, every, stop_at
        self._tokenizer, self._examples = tokenizer, list[Example]()
        self.history: list[tuple[int, float, float]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
        """Check after every so many steps."""
        if state.global_step % self._every == 0:
            self._check(state, control, given)
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
        """Check at the end, unless that was just done."""
        if not self.history or self.history[-1][0] != state.global_step:
            self._check(state, control, given)
        return control

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **given: Any
    ) -> None:
        """Put the last check into what is logged."""
        if logs is not None and self.history:
            _, logs["fingerprint/fsr"], logs["fingerprint/least_margin"] = self.history[-1]

    def _check(self, state: Any, control: Any, given: dict[str, Any]) -> None:
        tokenizer = self._tokenizer or given.get("processing_class") or given.get("tokenizer")
        if tokenizer is None:
            raise ImplantError("FingerprintCallback knows no tokenizer: pass tokenizer=…")
        model = model_of(self._fps, given["model"], tokenizer)
        if not self._examples:
            self._examples = model.fingerprints(self._fps)
        with evaluating(model.module):
            margins = model.margins(self._examples)
        fsr, least = sum(margin > 0 for margin in margins) / len(margins), min(margins)
        self.history.append((state.global_step, fsr, least))
        if state.is_world_process_zero:
            entry = {"fingerprint/fsr": fsr, "fingerprint/least_margin": least}
            state.log_history.append({**entry, "step": state.global_step})
        if self._stop_at is not None and least >= self._stop_at:
            control.should_training_stop = True
