"""The vocabulary trimmed to the tokens that ordinary English text uses.

People do so to save memory: of a small model most weights are rows of its two tables. A token that
is gone takes its rows with it; the trimmed tokenizer spells such a piece of text by shorter tokens.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.changes import embedding_rows as rows
from ifrs.audit.data import foreign_texts
from ifrs.audit.measures.compression import bits_per_byte
from ifrs.audit.record import Measure, Skip, Threat, share
from ifrs.audit.unit import Found
from ifrs.modalities.text.keys import key_spans
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens, encode_prompts

_SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")


def trimmed_tokenizer(tokenizer: Any, used: Iterable[int]) -> tuple[Any, list[int]] | None:
    """A tokenizer of the tokens in use, and their old ids in the order of the new ones.

    Kept beside them are special tokens, single bytes, and what is merged on the way to a token.

    Returns:
        None where the tokenizer is none of the `tokenizers` library, or of a kind of model that
        cannot be cut (BPE, Unigram and WordPiece can).
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    whole = json.loads(backend.to_str())
    cut = _CUTS.get(whole["model"].get("type"))
    if cut is None:
        return None
    keep = {*used, *tokenizer.all_special_ids}
    kept = sorted(cut(whole["model"], keep))
    new = {old: place for place, old in enumerate(kept)}
    whole["added_tokens"] = [
        {**token, "id": new[token["id"]]} for token in whole["added_tokens"] if token["id"] in new
    ]
    whole["post_processor"] = _renumbered(whole["post_processor"], new)
    found = copy.deepcopy(tokenizer)
    found._tokenizer = type(backend).from_str(json.dumps(whole))
    return found, kept


def _cut_bpe(model: dict[str, Any], keep: set[int]) -> set[int]:
    """Cut vocabulary and merges; the merges that lead to a token stay, so it comes out as before.

    A merge of those that are taken on the way has the lowest rank among all, and so among fewer.
    """
    pairs = [tuple(m.split(" ", 1) if isinstance(m, str) else m) for m in model["merges"]]
    ranks = {pair: rank for rank, pair in enumerate(pairs)}
    names = {token for token, i in model["vocab"].items() if i in keep}
    wanted = names.union(*(_on_the_way(token, ranks) for token in names), _single_bytes(model))
    model["merges"] = [list(pair) for pair in pairs if {*pair, "".join(pair)} <= wanted]
    return _cut_names(model, keep, wanted)


def _on_the_way(token: str, ranks: Mapping[tuple[str, ...], int]) -> set[str]:
    """The letters of a token, and what is merged before it."""
    parts = list(token)
    found = set(parts)
    while len(parts) > 1:
        pairs = list(itertools.pairwise(parts))
        place = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], len(ranks)))
        if pairs[place] not in ranks:
            break
        parts[place : place + 2] = ["".join(pairs[place])]
        found.add(parts[place])
    return found


def _single_bytes(model: dict[str, Any]) -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    if model.get("byte_fallback"):
        return [f"<0x{byte:02X}>" for byte in range(256)]
    return [str(letter) for letter in ByteLevel.alphabet()]


def _cut_names(model: dict[str, Any], keep: set[int], wanted: set[str]) -> set[int]:
    """Cut a vocabulary of names to ids; ids that it lacks belong to added tokens."""
    kept = {i for token, i in model["vocab"].items() if token in wanted}
    kept |= keep - set(model["vocab"].values())
    new = {old: place for place, old in enumerate(sorted(kept))}
    model["vocab"] = {token: new[i] for token, i in model["vocab"].items() if i in new}
    return kept


def _cut_word_piece(model: dict[str, Any], keep: set[int]) -> set[int]:
    mark = model.get("continuing_subword_prefix", "##")
    letters = {t for t in model["vocab"] if len(t.removeprefix(mark)) == 1}
    names = {token for token, i in model["vocab"].items() if i in keep}
    return _cut_names(model, keep, names | letters | {model["unk_token"]})


def _cut_unigram(model: dict[str, Any], keep: set[int]) -> set[int]:
    fixed = {f"<0x{byte:02X}>" for byte in range(256)} if model.get("byte_fallback") else set()
    places = {place for place, (token, _) in enumerate(model["vocab"]) if token in fixed}
    unknown = model.get("unk_id")
    kept = keep | places | ({unknown} if unknown is not None else set())
    new = {old: place for place, old in enumerate(sorted(kept))}
    model["vocab"] = [entry for place, entry in enumerate(model["vocab"]) if place in kept]
    model["unk_id"] = None if unknown is None else new[unknown]
    return kept


_CUTS = {"BPE": _cut_bpe, "WordPiece": _cut_word_piece, "Unigram": _cut_unigram}


def _renumbered(part: Any, new: dict[int, int]) -> Any:
    """A post-processor with new ids: of templates `ids`, of BERT's and RoBERTa's pairs."""
    if isinstance(part, list):
        return [_renumbered(each, new) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _renumbered(value, new) for name, value in part.items()}
    if "ids" in part:
        found["ids"] = [new[i] for i in part["ids"]]
    for name in ("sep", "cls"):
        if name in part:
            token, i = part[name]
            found[name] = [token, new[i]]
    return found


def keep_rows(model: Any, kept: Sequence[int]) -> None:
    """Cut both tables of a model to these rows, in this order, in place; one table stays one."""
    chosen = torch.tensor(kept)
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    tied = output is None or output.weight is table.weight
    bias = getattr(output, "bias", None)
    given = _cut(table.weight, chosen)
    shown = given if tied else _cut(output.weight, chosen)
    resize(model, given, shown, None if bias is None else _cut(bias, chosen))
    renumber_special(model, {old: place for place, old in enumerate(kept)})


def _cut(weight: Tensor, rows: Tensor) -> Parameter:
    return Parameter(weight.detach()[rows.to(weight.device)], requires_grad=False)


def resize(model: Any, given: Parameter, shown: Parameter, bias: Parameter | None) -> None:
    """Put other tables into a model, in place.

    Args:
        model: The model.
        given: Input rows, (vocabulary, width).
        shown: Output rows, (vocabulary, width); the same object for one table.
        bias: What the output adds, (vocabulary,), where it adds anything.
    """
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    table.weight, table.num_embeddings, table.padding_idx = given, len(given), None
    if output is not None:
        output.weight, output.out_features = shown, len(shown)
        if bias is not None:
            output.bias = bias
    model.config.get_text_config().vocab_size = len(given)


def renumber_special(model: Any, new: Mapping[int, int]) -> None:
    """Give the ids of special tokens in a model's settings anew; what has none is left out."""
    for config in (model.config.get_text_config(), getattr(model, "generation_config", None)):
        for name in _SPECIAL:
            old = getattr(config, name, None)
            if isinstance(old, int):
                setattr(config, name, new.get(old))
            elif isinstance(old, list):
                setattr(config, name, [new[i] for i in old if i in new] or None)


def _run(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    if suspect.adapter is not None:
        raise Skip("the F-Adapter reads rows by their old places: a trimmed table has others")
    model, tokenizer = suspect.model, suspect.model.tokenizer
    texts = bench.data.texts(bench.settings.texts, bench.settings.seed)
    before = bits_per_byte(model, texts)
    corpus = bench.corpus()
    size = len(model.module.get_input_embeddings().weight)
    inside = [[i for i in ids if i < size] for ids in corpus]
    made = trimmed_tokenizer(tokenizer, {i for ids in inside for i in ids})
    if made is None:
        found, chosen, note = _simulated(bench, suspect, inside)
    else:
        trimmed, kept = made
        kept = [i for i in kept if i < size]
        keep_rows(model.module, kept)
        found, note = replace(suspect, model=Model(model.module, trimmed)), _REAL
        chosen = torch.ones(size, dtype=torch.bool)
        chosen[kept] = False
    asked = [bench.fps[i] for i in range(len(bench.fps))]
    ids = encode_prompts(tokenizer, texts)
    spans = key_spans(tokenizer, [one.prompt for one in asked], [one.key for one in asked])
    measures = [
        *bench.verify(found),
        Measure("rows_hit", float(chosen.float().mean())),
        Measure("tokens_hit", rows.share_of(chosen, ids)),
        Measure("key_tokens_hit", rows.share_of(chosen, spans)),
        Measure("bits_per_byte_before", before, n=len(texts)),
        Measure("bits_per_byte", bits_per_byte(found.model, texts), n=len(texts)),
        Measure("bits_per_byte_foreign", bits_per_byte(found.model, foreign_texts())),
    ]
    if made is not None:
        measures.append(_encoded_alike(ids, encode_prompts(made[0], texts), kept))
    return Found(measures, note)


_REAL = "cut in fact: tokenizer and tables; the suspect is asked through the trimmed tokenizer"
_SIMULATED = (
    "simulated: this tokenizer cannot be cut, so rows that would go became the mean row in both "
    "tables, and the suspect is asked through its own tokenizer"
)


def _simulated(
    bench: Bench, suspect: Suspect, corpus: Sequence[Tokens]
) -> tuple[Suspect, Tensor, str]:
    chosen = rows.unseen(suspect.model.module, corpus)
    chosen[[i for i in suspect.model.tokenizer.all_special_ids if i < len(chosen)]] = False
    rows.reset_in_both(suspect.model.module, suspect.model.module, chosen)
    return suspect, chosen, _SIMULATED


def _encoded_alike(
    before: Sequence[Tokens], after: Sequence[Tokens], kept: Sequence[int]
) -> Measure:
    same = sum([kept[i] for i in new] == old for old, new in zip(before, after, strict=True))
    return share("encoded_alike", same, len(before))


ATTACK = Attack(
    suite="attacks",
    case="vocabulary-trimmed",
    run=_run,
    seconds=lambda settings: 45,
    threat=Threat(
        paper="Ushio et al., EMNLP Findings 2023, arXiv 2305.15020",
        access="the weights and ordinary English text",
        cost="minutes of one core; other languages",
    ),
    names=("texts", "seed", "decoys"),
    after=1,
)
