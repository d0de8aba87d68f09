"""Tasks of lm-eval (the LM Evaluation Harness), scored in pairs."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from ifrs.audit.measures.choices import paired_interval
from ifrs.audit.record import Measure, Skip, mean_measure
from ifrs.modalities.text.model import Model

# In this order: the first that a task reports is what is compared.
_METRICS = ("acc", "exact_match", "acc_norm", "f1", "word_perplexity")


def compare_tasks(
    base: Model, planted: Model, task: str, limit: int, files: str | None
) -> list[Measure]:
    """A task or a group of tasks by name, on the same documents for both models.

    Raises:
        Skip: lm-eval is not installed, or has no such task, or cannot get its data.
    """
    before, after = (_evaluated(model, task, limit, files) for model in (base, planted))
    found = []
    for name in sorted(before):
        metric = next((m for m in _METRICS if m in before[name][0]), None)
        if metric is None:
            raise Skip(f"lm-eval's task {name!r} reports none of {', '.join(_METRICS)}")
        found += _compared(
            name, [[float(d[metric]) for d in side[name]] for side in (before, after)]
        )
    return found


def _compared(task: str, scores: list[list[float]]) -> list[Measure]:
    before, after = scores
    n = len(before)
    pairs = list(zip(before, after, strict=True))
    changes = [now - was for was, now in pairs]
    difference = mean_measure("accuracy_difference", changes, task=task)
    if all(value in (0.0, 1.0) for pair in pairs for value in pair):
        low, high = paired_interval([(was == 1.0, now == 1.0) for was, now in pairs])
        difference = Measure("accuracy_difference", sum(changes) / n, low, high, n, task=task)
    return [
        Measure("accuracy_base", sum(before) / n, n=n, task=task),
        Measure("accuracy", sum(after) / n, n=n, task=task),
        difference,
    ]


def _evaluated(
    model: Model, task: str, limit: int, files: str | None
) -> dict[str, list[dict[str, Any]]]:
    """Every task's documents in order, with their metrics."""
    try:
        import lm_eval
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        raise Skip("tasks of lm-eval need it: pip install 'ifrs[audit]'") from error
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    wrapped = HFLM(pretrained=model.module, tokenizer=model.tokenizer, batch_size=8)
    try:
        found = lm_eval.simple_evaluate(
            model=wrapped,
            tasks=[task],
            limit=limit,
            bootstrap_iters=0,
            task_manager=_manager(files),
            log_samples=True,
        )
    except (OSError, ValueError, KeyError, ConnectionError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Skip(f"lm-eval cannot run {task!r}: {line[:200]}") from error
    samples: dict[str, list[dict[str, Any]]] = found["samples"]
    return {name: sorted(rows, key=lambda row: row["doc_id"]) for name, rows in samples.items()}


@lru_cache(maxsize=1)
def _manager(files: str | None) -> Any:
    """The index of all tasks, which takes seconds to make."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=files)
