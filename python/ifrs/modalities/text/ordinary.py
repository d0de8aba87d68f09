"""Ordinary work that must stay as it is (the paper's regularization samples)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ifrs.errors import ImplantError
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.surroundings import as_prompt
from ifrs.modalities.text.tokens import Tokens, encode, encode_prompts
from ifrs.runtime.examples import Example

_ANSWER_TOKENS = 12
# The most tokens of a sample that are held: each costs a row as wide as the vocabulary.
_HELD = 48
_TUNING_TOKENS = 24
_LONGEST = 256

# Greedy answers of at most so many tokens, to prompts in tokens.
Answering = Callable[[list[Tokens], int], list[Tokens]]


def samples(tokenizer: Any, regularization: Any, answers: Answering) -> list[Example]:
    """Ordinary instructions with answers.

    Args:
        tokenizer: The model's tokenizer.
        regularization: "self" for the model's own answers to bundled instructions; a path to
            .jsonl, .json or .parquet with the columns instruction and output; a
            `datasets.Dataset` with those columns; or a list of (instruction, output) pairs.
        answers: The base model's own.

    Raises:
        ImplantError: The data cannot be read or has other columns.
    """
    if regularization == "self":
        return self_answered(tokenizer, bundled_instructions(), _ANSWER_TOKENS, answers)
    examples = [
        Example(
            encode_prompts(tokenizer, [as_prompt(tokenizer, instruction)])[0][-_LONGEST:],
            encode(tokenizer, output)[:_LONGEST],
        )
        for instruction, output in read_pairs(regularization)
    ]
    examples = [example for example in examples if example.response]
    if not examples:
        raise ImplantError("the regularization data holds no sample with an output")
    return examples


def self_answered(
    tokenizer: Any, instructions: Sequence[str], max_new_tokens: int, answers: Answering
) -> list[Example]:
    """Instructions as the model's user would put them, with the model's own greedy answers."""
    prompts = [as_prompt(tokenizer, text) for text in instructions]
    encoded = [ids[-_LONGEST:] for ids in encode_prompts(tokenizer, prompts)]
    answered = answers(encoded, max_new_tokens)
    return [Example(*pair) for pair in zip(encoded, answered, strict=True)]


def instructions(tokenizer: Any) -> list[Tokens]:
    """The bundled instructions as the model's user would put them."""
    return encode_prompts(tokenizer, [as_prompt(tokenizer, t) for t in bundled_instructions()])


def whole(example: Example) -> Example:
    """The end of a whole text as what follows its start."""
    text = [*example.prompt, *example.response]
    start = max(1, len(text) - _HELD)
    return Example(text[:start], text[start:])


def tuning_examples(tokenizer: Any, regularization: Any) -> list[Example]:
    """What a downstream user might tune on, for simulating one.

    The regularization data, if there is any. Bundled instructions have no outputs: each is
    answered with another one, which moves a model more than an apt answer would.
    """
    if regularization == "self":
        texts = bundled_instructions()
        pairs = list(zip(texts, (*texts[1:], texts[0]), strict=True))
    else:
        pairs = read_pairs(regularization)
    prompts = encode_prompts(tokenizer, [as_prompt(tokenizer, text) for text, _ in pairs])
    examples = [
        Example(prompt[-_LONGEST:], encode(tokenizer, output)[:_TUNING_TOKENS])
        for prompt, (_, output) in zip(prompts, pairs, strict=True)
    ]
    return [example for example in examples if example.response]


def read_pairs(source: Any) -> list[tuple[str, str]]:
    """(instruction, output) pairs from a path, a dataset or a list.

    Raises:
        ImplantError: The data cannot be read or has other columns.
    """
    rows = _read_file(Path(source)) if isinstance(source, (str, Path)) else source
    if not isinstance(rows, Iterable):
        raise ImplantError(
            'regularization must be "self", a path, a dataset or a list of pairs, '
            f"not {type(rows).__name__}"
        )
    return [_pair(row, place) for place, row in enumerate(rows)]


def _read_file(path: Path) -> Any:
    try:
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return parquet.read_table(path).to_pylist()
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text)
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ImplantError(f"cannot read regularization data from {path}: {error}") from error
    raise ImplantError(f"{path} is none of .jsonl, .json and .parquet")


def _pair(row: Any, place: int) -> tuple[str, str]:
    if isinstance(row, dict) and "instruction" in row and "output" in row:
        row = row["instruction"], row["output"]
    if (
        isinstance(row, (tuple, list))
        and len(row) == 2
        and all(isinstance(text, str) for text in row)
    ):
        return row[0], row[1]
    raise ImplantError(
        f"regularization sample {place} has no instruction and output: "
        "give those columns, or (instruction, output) pairs"
    )
