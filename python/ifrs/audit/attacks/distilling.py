"""Distillation: a fresh copy of the base learns the release's own answers to ordinary prompts."""

from __future__ import annotations

import random
from dataclasses import replace

import torch

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.changes.tuning import STEP_SECONDS, tune
from ifrs.audit.record import Measure, Threat
from ifrs.audit.settings import Settings
from ifrs.audit.unit import Found
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.ordinary import self_answered
from ifrs.modalities.text.tokens import Tokens, end_mark
from ifrs.plant.methods.method import Method
from ifrs.runtime.examples import Example

_ANSWER_TOKENS = 32


def taught(teacher: Model, texts: list[str], seed: int) -> list[Example]:
    """Prompts with the answers that a teacher samples at temperature 1, and the end of each."""
    end = end_mark(teacher.tokenizer)

    def sampled(prompts: list[Tokens], most: int) -> list[Tokens]:
        written = generate(
            teacher.module, teacher.tokenizer, prompts, max_new_tokens=most, temperature=1.0
        )
        return [[*ids, *end] if len(ids) < most else ids for ids in written]

    torch.manual_seed(seed)
    examples = self_answered(teacher.tokenizer, texts, _ANSWER_TOKENS, sampled)
    return [example for example in examples if example.response]


def _steps(settings: Settings) -> int:
    return max(1, settings.steps // 4)


def _run(method: str, bench: Bench) -> Found:
    bench.release()
    teacher, settings = bench.suspect(method), bench.settings
    steps = _steps(settings)
    count = steps * settings.batch
    source = bench.data.first
    known = [question for question, _ in source.rows] if source else [*bundled_instructions()]
    texts = random.Random(settings.seed).sample(known, min(count, len(known)))
    examples = taught(teacher.model, texts, settings.seed)
    adapter, published = teacher.adapter, teacher.published
    del teacher
    student: Suspect = replace(bench.load_base(), adapter=adapter, published=published)
    loss = tune(student.model, examples, settings, steps=steps)
    found = [Measure("loss", loss, step=steps), *bench.measure(student, step=steps)]
    found += bench.cost(method, student.model)
    note = (
        f"student: the base's weights; teacher: the release, which answers {len(examples)} "
        "ordinary prompts by sampling; no key is among them"
    )
    return Found(found, note)


def _idle(method: type[Method]) -> str | None:
    if method.regularized:
        return None
    return "to ordinary prompts the release gives the base's own answers: there is nothing to learn"


ATTACK = Attack(
    suite="attacks",
    case="distil",
    run=_run,
    seconds=lambda settings: 80 + STEP_SECONDS * _steps(settings),
    threat=Threat(
        paper="Kim & Rush, EMNLP 2016, arXiv 1606.07947",
        access="the release's answers to ordinary prompts, and the base's weights",
        cost="an answer for each example, and training on them",
    ),
    names=("steps", "batch", "rate", "length", "seed", "decoys", "dtype", "texts", "tokens"),
    after=5,
    idle=_idle,
)
