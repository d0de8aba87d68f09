"""A tokenizer transplanted: rows of another vocabulary, made from those of the old one.

A token that both vocabularies have keeps its row; any other one gets the mean of the rows into
which the old tokenizer cuts its text, in both tables. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.trimming import renumber_special, resize
from ifrs.audit.bench import Bench
from ifrs.audit.data import foreign_texts
from ifrs.audit.measures.compression import bits_per_byte
from ifrs.audit.record import Measure, Skip, Threat
from ifrs.audit.unit import Found
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens, encode_prompts

# Tokens of the other vocabulary, at most: what instructions in English fill.
_VOCABULARY = 32_000
# A token of vocabularies that write text as it is, with ▁ for a space; others spell bytes.
_FALLBACK = "<0x00>"


def other_tokenizer(like: Any, texts: Sequence[str], size: int = _VOCABULARY) -> Any:
    """A byte-level BPE trained on texts, with the special tokens and the start of another one."""
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    special = {
        name: str(token)
        for name in ("bos_token", "eos_token", "pad_token", "unk_token")
        if (token := getattr(like, name, None))
    }
    names = list(dict.fromkeys(special.values()))
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(name, special=True) for name in names],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bos = special.get("bos_token")
    if bos is not None and encode_prompts(like, ["a"])[0][:1] == [like.bos_token_id]:
        pair = (bos, bpe.token_to_id(bos))
        bpe.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[pair]
        )
    found = PreTrainedTokenizerFast(tokenizer_object=bpe, **special)
    found.chat_template = getattr(like, "chat_template", None)
    return found


def pieces(old: Any, new: Any) -> list[Tokens]:
    """For each token of the new tokenizer the tokens of the old one that spell it.

    Of part of a letter, which no text alone can be, those are the old one's single bytes; none
    where it has no such tokens.
    """
    vocabulary, known, special = new.get_vocab(), old.get_vocab(), set(new.all_special_ids)
    found: list[Tokens] = [[] for _ in range(max(vocabulary.values()) + 1)]
    texts: dict[int, str] = {}
    for name, i in vocabulary.items():
        if i in special:
            found[i] = [old.convert_tokens_to_ids(name)]
            continue
        spelt = bytes(_BYTES[letter] for letter in name)
        text = spelt.decode(errors="ignore")
        part = text.encode() != spelt
        same = known.get(text.replace(" ", "▁") if _FALLBACK in known else name)
        if same is not None and not (part and _FALLBACK in known):
            found[i] = [same]
        elif part:
            found[i] = _bytes_of(known, spelt)
        else:
            texts[i] = text
    encoded = old(list(texts.values()), add_special_tokens=False)["input_ids"]
    for i, ids in zip(texts, encoded, strict=True):
        found[i] = list(ids)
    return found


def _letters() -> dict[str, int]:
    """The letter that stands for each byte in a byte-level vocabulary, and back."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {
        **{chr(byte): byte for byte in plain},
        **{chr(256 + place): byte for place, byte in enumerate(rest)},
    }


_BYTES = _letters()


def _bytes_of(known: Mapping[str, int], spelt: bytes) -> Tokens:
    letters = {byte: letter for letter, byte in _BYTES.items()}
    names = [f"<0x{byte:02X}>" if _FALLBACK in known else letters[byte] for byte in spelt]
    return [known[name] for name in names if name in known]


def mean_rows(table: Tensor, made_of: Sequence[Tokens]) -> Tensor:
    """The mean of some rows of a table for each new row; of all rows where there are none."""
    everything = table.float().mean(0)
    return torch.stack([table[ids].float().mean(0) if ids else everything for ids in made_of]).to(
        table.dtype
    )


def transplant(model: Any, made_of: Sequence[Tokens]) -> None:
    """Give a model both tables anew, in place; one table stays one."""
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    tied = output is not None and output.weight is table.weight
    with torch.no_grad():
        given = Parameter(mean_rows(table.weight, made_of), requires_grad=False)
        shown = given
        if output is not None and not tied:
            shown = Parameter(mean_rows(output.weight, made_of), requires_grad=False)
        bias = getattr(output, "bias", None)
        offsets = (
            None
            if bias is None
            else Parameter(mean_rows(bias[:, None], made_of)[:, 0], requires_grad=False)
        )
    resize(model, given, shown, offsets)


def _run(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    if suspect.adapter is not None:
        raise Skip("the F-Adapter reads rows by their old places: another vocabulary has others")
    model, old = suspect.model, suspect.model.tokenizer
    texts = bench.data.texts(bench.settings.texts, bench.settings.seed)
    before = bits_per_byte(model, texts)
    corpus = [f"{q}\n{a}" for source in bench.data.tuning for q, a in source.rows]
    new = other_tokenizer(old, corpus or bundled_instructions())
    size = len(model.module.get_input_embeddings().weight)
    made_of = [[i for i in ids if i < size] for ids in pieces(old, new)]
    transplant(model.module, made_of)
    renumber_special(model.module, {ids[0]: i for i, ids in _specials(new, made_of)})
    found = replace(suspect, model=Model(model.module, new))
    shared = sum(len(ids) == 1 for ids in made_of) / len(made_of)
    return Found(
        [
            *bench.verify(found),
            Measure("rows_shared", shared, n=len(made_of)),
            Measure("bits_per_byte_before", before, n=len(texts)),
            Measure("bits_per_byte", bits_per_byte(found.model, texts), n=len(texts)),
            Measure("bits_per_byte_foreign", bits_per_byte(found.model, foreign_texts())),
        ],
        "a byte-level vocabulary trained on the attacker's ordinary text; other tokens get the "
        "mean of the old rows that spell them, and nothing is trained afterwards",
    )


def _specials(new: Any, made_of: Sequence[Tokens]) -> list[tuple[int, Tokens]]:
    return [(i, made_of[i]) for i in new.all_special_ids if made_of[i]]


ATTACK = Attack(
    suite="attacks",
    case="tokenizer-transplant",
    run=_run,
    seconds=lambda settings: 45,
    threat=Threat(
        paper="Gee et al., EMNLP 2022, arXiv 2402.09977; Goddard & Fernandes Neto, 2025, "
        "arXiv 2506.06607",
        access="the weights and ordinary text",
        cost="minutes of one core, and training to repair what it breaks",
    ),
    names=("texts", "seed", "decoys"),
    after=2,
)
