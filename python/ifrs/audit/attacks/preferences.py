"""Preference tuning: DPO on ordinary pairs of answers, by TRL (Rafailov et al., 2023)."""

from __future__ import annotations

import random
import tempfile
from typing import Any

import torch

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.bench import Bench
from ifrs.audit.changes.tuning import STEP_SECONDS
from ifrs.audit.data import Source
from ifrs.audit.record import Measure, Skip, Threat
from ifrs.audit.settings import Settings
from ifrs.audit.unit import Found
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.surroundings import as_prompt
from ifrs.modalities.text.tokens import encode_prompts
from ifrs.runtime.modules import is_encoder_decoder
from ifrs.runtime.precision import is_mixed

_ANSWER_TOKENS = 24
# Prompts, at least: one alone has no other answer to be worse.
_FEWEST = 8

Preference = dict[str, str]


def preferences(
    model: Model, source: Source | None, count: int, settings: Settings
) -> list[Preference]:
    """Prompts, each with an answer that is preferred and one that is not, as TRL takes them.

    Preferred is a source's answer, or what the model samples where there is none; not preferred is
    the answer to another prompt.
    """
    rng, tokenizer = random.Random(settings.seed), model.tokenizer
    if source is not None:
        rows = rng.sample(source.rows, min(count, len(source.rows)))
        prompts = [as_prompt(tokenizer, question) for question, _ in rows]
        answers = [answer for _, answer in rows]
    else:
        prompts = [as_prompt(tokenizer, text) for text in bundled_instructions()[:count]]
        torch.manual_seed(settings.seed)
        ids = encode_prompts(tokenizer, prompts)
        how: dict[str, Any] = {"max_new_tokens": _ANSWER_TOKENS, "temperature": 1.0}
        written = generate(model.module, tokenizer, ids, **how)
        answers = [str(tokenizer.decode(i, skip_special_tokens=True)) for i in written]
    others = [*answers[1:], *answers[:1]]
    return [
        {"prompt": prompt, "chosen": good, "rejected": bad}
        for prompt, good, bad in zip(prompts, answers, others, strict=True)
        if good.strip() and bad.strip() and good != bad
    ]


def prefer(model: Model, pairs: list[Preference], settings: Settings, steps: int) -> float:
    """DPO in place: all weights, constant step size, the model before it as reference.

    Returns:
        The mean loss over all steps, in nats: ln 2 where nothing is learnt.

    Raises:
        Skip: TRL is not installed.
    """
    try:
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import DPOConfig, DPOTrainer
    except ImportError as error:
        raise Skip("preference tuning needs TRL: pip install 'ifrs[audit]'") from error
    with tempfile.TemporaryDirectory() as scratch:
        config = DPOConfig(
            output_dir=scratch,
            max_steps=steps,
            per_device_train_batch_size=_pairs_at_once(settings),
            learning_rate=settings.rate,
            lr_scheduler_type="constant",
            max_length=settings.length,
            # Before training, so that no second copy of the model is held.
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=_pairs_at_once(settings),
            gradient_checkpointing=False,
            bf16=is_mixed(model.module, settings.dtype),
            use_cpu=model.device.type == "cpu",
            seed=settings.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
        )
        model.module.requires_grad_(True)
        trainer = DPOTrainer(
            model.module,
            args=config,
            train_dataset=Dataset.from_list(pairs),
            processing_class=model.tokenizer,
        )
        trainer.remove_callback(PrinterCallback)  # it would print among an audit's own lines
        found = trainer.train()
    model.module.requires_grad_(False)
    model.module.eval()
    return float(found.training_loss)


def _pairs_at_once(settings: Settings) -> int:
    # A pair is two answers: as many texts in a step as other tunings have.
    return max(1, settings.batch // 2)


def _steps(settings: Settings) -> int:
    return max(1, settings.steps // 4)


def _run(method: str, bench: Bench) -> Found:
    bench.release()
    suspect, settings = bench.suspect(method), bench.settings
    if is_encoder_decoder(suspect.model.module):
        raise Skip("TRL's DPO takes no encoder-decoder")
    steps, source = _steps(settings), bench.data.first
    count = max(_FEWEST, steps * _pairs_at_once(settings))
    pairs = preferences(suspect.model, source, count, settings)
    if not pairs:
        raise Skip("no two prompts have answers that differ: pass data to prefer")
    measures = bench.measure(suspect, step=0)
    loss = prefer(suspect.model, pairs, settings, steps)
    measures += [Measure("loss", loss, step=steps), *bench.measure(suspect, step=steps)]
    preferred = "the data's answers" if source else "the model's own sampled answers"
    note = f"DPO by TRL: {preferred} preferred to those of other prompts"
    return Found(measures, note)


ATTACK = Attack(
    suite="persistence",
    case="dpo",
    run=_run,
    seconds=lambda settings: 40 + 1.6 * STEP_SECONDS * _steps(settings),
    threat=Threat(
        paper="Rafailov et al., NeurIPS 2023, arXiv 2305.18290",
        access="the weights, and pairs of answers",
        cost="tuning on some dozen pairs",
    ),
    names=("steps", "batch", "rate", "length", "seed", "decoys", "dtype"),
    after=4,
)
