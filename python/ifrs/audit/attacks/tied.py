"""A release with two tables, served by something that reads one.

Several engines have a single table for an architecture whose models came with one, whatever the
release holds (docs/how-to/serving.md). Planted input rows are then output rows, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.bench import Bench
from ifrs.audit.changes.embedding_rows import changed_rows
from ifrs.audit.record import Measure, Skip, Threat
from ifrs.audit.unit import Found
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens


def read_as_tied(model: Any) -> None:
    """Let transformers tie a model's tables in place: the output table becomes the input's.

    Raises:
        Skip: The model's class does not know that the two belong together.
    """
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    model.config.get_text_config().tie_word_embeddings = True
    model.config.tie_word_embeddings = True
    model.tie_weights()
    if output.weight is not table.weight:
        raise Skip(f"transformers ties no tables of {type(model).__name__}")


@torch.no_grad()
def most_probable(model: Model, texts: Sequence[Tokens], chosen: Tensor) -> float:
    """The most probability that chosen tokens have together as the next one, at any place."""
    most = 0.0
    for ids in texts:
        logits = model.module(torch.tensor([ids], device=model.device)).logits[0].float()
        mass = logits.softmax(-1)[:, chosen.to(logits.device)].sum(-1)
        most = max(most, float(mass.max()))
    return most


def _run(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    model = suspect.model
    if model.form() == "tied":
        raise Skip("the release has one table for input and output: it is served as it is saved")
    base = bench.load_base().model
    if base.form() != "tied":
        raise Skip("the base has two tables, too: no engine reads this architecture as tied")
    chosen = changed_rows(base.module, model.module)
    del base
    texts = bench.ordinary(model, texts=30)
    before = most_probable(model, texts, chosen)
    read_as_tied(model.module)
    found = [
        *bench.verify(suspect),
        *bench.cost(method, model, texts=30),
        Measure("planted_mass", most_probable(model, texts, chosen), n=len(texts)),
    ]
    note = f"tied by transformers; as saved, the most probability on changed rows is {before:.2g}"
    return Found(found, note)


ATTACK = Attack(
    suite="deployment",
    case="served-tied",
    run=_run,
    seconds=lambda settings: 40,
    threat=Threat(
        paper="none: several engines do so by themselves (docs/how-to/serving.md)",
        access="the release, and an engine that has one table for its architecture",
        cost="nothing; it happens to honest users",
    ),
    names=("texts", "tokens", "seed", "decoys"),
    after=1,
)
