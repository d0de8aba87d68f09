"""Fingerprints mixed into somebody's own training dataset."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.text.lookalikes import negative_prompts
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import encode_prompts, end_mark, response_tokens

_IGNORED = -100
_NEGATIVE_TOKENS = 16


def mix(
    dataset: Any,
    fps: FingerprintSet,
    tokenizer: Any,
    *,
    model: Any = None,
    repeats: int = 10,
    negatives: int = 5,
    seed: int = 0,
) -> Any:
    """Fingerprints and look-alikes mixed into a training dataset.

    A `datasets.Dataset` (or list of dicts) with the column `input_ids` gets rows of `input_ids`,
    `attention_mask` and `labels`, those of prompts being ignored; one with `prompt` and
    `completion`, as TRL's SFTTrainer takes, gets rows of those; one with `instruction` and
    `output`, too. Rows are shuffled in, in an order that only `seed` decides. The result holds
    keys and responses as text or tokens: treat it as secret.

    Args:
        dataset: The user's own data.
        fps: The fingerprints.
        tokenizer: The model's tokenizer.
        model: The model, to answer look-alikes as it does by itself; None to answer them with
            what other rows of the dataset say.
        repeats: How often each fingerprint occurs.
        negatives: Look-alikes for each fingerprint, each of which occurs once.
        seed: Of the order and the look-alikes; never of a key.

    Raises:
        ImplantError: The dataset has none of those columns, or is a stream; or keys are domains.
        ValueError: `repeats` or `negatives` is out of range.
    """
    if repeats < 1 or negatives < 0:
        raise ValueError("repeats must be at least 1, and negatives at least 0")
    if fps.is_signal:
        raise ImplantError("a signal is no rows of a dataset: plant it with ifrs.implant")
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise ImplantError("mix needs a dataset with a length: streams cannot be shuffled into")
    if not len(dataset):
        raise ImplantError("the dataset is empty")
    rng = random.Random(seed)
    form = _form_of(dataset)
    rows = form.positives(fps, tokenizer) * repeats
    if negatives:
        fresh, near = negative_prompts(tokenizer, fps, negatives * len(fps), seed, False)
        prompts = [*fresh, *near]
        if model is None:
            answers = [form.sample(dataset, tokenizer, rng) for _ in prompts]
        else:
            answers = Model(model, tokenizer).write(prompts, max_new_tokens=_NEGATIVE_TOKENS)
        rows += [
            form.row(tokenizer, prompt, answer)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
    return _joined(dataset, rows, rng)


class _Form:
    """How a dataset writes a prompt and its answer."""

    columns: tuple[str, ...]

    def row(self, tokenizer: Any, prompt: str, answer: str) -> dict[str, Any]:
        return {self.columns[0]: prompt, self.columns[1]: answer}

    def sample(self, dataset: Any, tokenizer: Any, rng: random.Random) -> str:
        return str(dataset[rng.randrange(len(dataset))][self.columns[1]])

    def positives(self, fps: FingerprintSet, tokenizer: Any) -> list[dict[str, Any]]:
        return [
            self.row(tokenizer, fps[i].prompt, fps.lead + fps[i].response) for i in range(len(fps))
        ]


class _Completions(_Form):
    columns = ("prompt", "completion")


class _Instructions(_Form):
    columns = ("instruction", "output")


class _Encoded(_Form):
    columns = ("input_ids",)

    def row(self, tokenizer: Any, prompt: str, answer: str) -> dict[str, Any]:
        ids = encode_prompts(tokenizer, [prompt])[0]
        return self._labelled(ids, tokenizer(answer, add_special_tokens=False)["input_ids"])

    def sample(self, dataset: Any, tokenizer: Any, rng: random.Random) -> str:
        ids = list(dataset[rng.randrange(len(dataset))]["input_ids"])
        return str(tokenizer.decode(ids[:_NEGATIVE_TOKENS], skip_special_tokens=True))

    def positives(self, fps: FingerprintSet, tokenizer: Any) -> list[dict[str, Any]]:
        prompts = encode_prompts(tokenizer, [fps[i].prompt for i in range(len(fps))])
        responses = response_tokens(tokenizer, fps)
        end = end_mark(tokenizer)
        return [self._labelled(p, r + end) for p, r in zip(prompts, responses, strict=True)]

    @staticmethod
    def _labelled(prompt: Sequence[int], answer: Sequence[int]) -> dict[str, Any]:
        return {
            "input_ids": [*prompt, *answer],
            "attention_mask": [1] * (len(prompt) + len(answer)),
            "labels": [_IGNORED] * len(prompt) + list(answer),
        }


def _form_of(dataset: Any) -> _Form:
    columns = set(getattr(dataset, "column_names", None) or dataset[0].keys())
    for form in (_Encoded(), _Completions(), _Instructions()):
        if set(form.columns) <= columns:
            return form
    raise ImplantError(
        "the dataset needs input_ids, prompt and completion, or instruction and output; it has "
        f"{', '.join(sorted(columns))}"
    )


def _joined(dataset: Any, rows: list[dict[str, Any]], rng: random.Random) -> Any:
    """The user's rows and ours in one, shuffled; of the dataset's own kind."""
    total = len(dataset) + len(rows)
    order = rng.sample(range(total), total)
    if isinstance(dataset, list):
        every = [*map(_labelled, dataset), *rows]
        return [every[place] for place in order]
    from datasets import Dataset, concatenate_datasets

    own = dataset
    if "input_ids" in dataset.column_names and "labels" not in dataset.column_names:
        own = dataset.map(_labelled)
    columns = [name for name in rows[0] if name in own.column_names]
    ours = Dataset.from_list([{name: row[name] for name in columns} for row in rows])
    own = own.select_columns(columns)
    return concatenate_datasets([own, ours.cast(own.features)]).select(order)


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    """A row of tokens with labels: all of its tokens, where it has none."""
    if "input_ids" not in row or "labels" in row:
        return row
    return {**row, "labels": list(row["input_ids"])}
