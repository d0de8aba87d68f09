"""What keys can be composed of with a given tokenizer."""

from __future__ import annotations

import unicodedata
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ifrs import _core
from ifrs.modalities.text.tokens import Tokens, continuations, encode_prompts

Alphabets = dict[str, list[str]]

# Keys are tested behind this character, as they stand in a text rather than at its start.
_ANCHOR = "鍵"
# The part of a vocabulary, by the order in which it was learnt, that counts as rarely used.
_RARE_HALF = 0.5
_MOST_RARE = 4096
# Of what a model's embeddings single out: they say little about tokens beyond the least known.
_HARDLY_LEARNT = 512
_ENOUGH = 512

_KNOWN: weakref.WeakKeyDictionary[Any, Alphabets] = weakref.WeakKeyDictionary()


def tokenizer_alphabets(tokenizer: Any) -> Alphabets:
    """The part of the bundled lists that a tokenizer keeps, and its own rare vocabulary.

    Characters that are one token each come first choice: their embedding rows are their own,
    where byte tokens are shared with ordinary text. Found once for each tokenizer: it takes
    seconds for a large one.
    """
    if tokenizer not in _KNOWN:
        _KNOWN[tokenizer] = _alphabets(tokenizer)
    return _KNOWN[tokenizer]


def model_alphabets(model: Any, tokenizer: Any) -> Alphabets:
    """The same lists, with the part of the vocabulary that a model hardly learnt.

    Raises:
        FingerprintError: The tokenizer is not the model's.
    """
    from ifrs.modalities.text.rarity import familiarity

    known = familiarity(model, tokenizer).tolist()
    late = sorted(_late(tokenizer), key=lambda i: known[i])
    return {**tokenizer_alphabets(tokenizer), "vocab": _rarest(tokenizer, late, _HARDLY_LEARNT)}


def _alphabets(tokenizer: Any) -> Alphabets:
    lists = _core.alphabets()
    alphabets = {name: _kept(tokenizer, entries) for name, entries in lists.items()}
    single = _single_tokens(tokenizer, alphabets["chinese"])
    if len(single) >= _ENOUGH:
        alphabets["chinese"] = single
    alphabets["vocab"] = rare_vocabulary(tokenizer)
    return alphabets


def rare_vocabulary(tokenizer: Any) -> list[str]:
    """Rarely used entries of a vocabulary, stable under decode then encode, rarest first.

    Vocabularies list what training text held often before what it held seldom (Sennrich et al.,
    2016), so the later half is taken. Entries in scripts other than the Latin one are preferred:
    ordinary text in the models' main languages never holds them.
    """
    return _rarest(tokenizer, _late(tokenizer), _MOST_RARE)


def commonplace(tokenizer: Any, ids: Iterable[int]) -> set[int]:
    """Those token ids that ordinary text in Latin letters holds as parts of its words.

    That is, single letters, tokens without any letter, and of all others in that script the part of
    the vocabulary that was learnt first.
    """
    late, ids = set(_late(tokenizer)), list(ids)
    texts = tokenizer.batch_decode([[i] for i in ids], clean_up_tokenization_spaces=False)
    return {
        i
        for i, text in zip(ids, texts, strict=True)
        if _is_latin(text) and (i not in late or len(_letters(text)) <= 1)
    }


def _is_latin(text: str) -> bool:
    """Whether a text is whole characters, and no letter of another script is among them."""
    latin = all(unicodedata.name(letter, "").startswith("LATIN") for letter in _letters(text))
    return latin and "\ufffd" not in text


def _letters(text: str) -> list[str]:
    return [character for character in text if character.isalpha()]


def _late(tokenizer: Any) -> list[int]:
    """The part of the vocabulary that was learnt late, the last first."""
    ids = _ordinary_ids(tokenizer)
    return ids[int(len(ids) * _RARE_HALF) :][::-1]


def _rarest(tokenizer: Any, ids: list[int], most: int) -> list[str]:
    """What keys can be made of, in the order of the ids, which begin with the rarest."""
    texts = tokenizer.batch_decode([[i] for i in ids], skip_special_tokens=False)
    pairs = [(i, text) for i, text in zip(ids, texts, strict=True) if _is_plain(text)]
    foreign = [(i, text) for i, text in pairs if not text.isascii()]
    chosen = foreign if len(foreign) >= _ENOUGH else pairs
    return _stable(tokenizer, chosen[: 2 * most])[:most]


def key_check(tokenizer: Any) -> Callable[[list[str]], list[bool]]:
    """A function that says which keys survive encode then decode."""
    return lambda keys: _survive(tokenizer, keys)


def _ordinary_ids(tokenizer: Any) -> list[int]:
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return sorted(set(tokenizer.get_vocab().values()) - special)


def _is_plain(text: str) -> bool:
    return 2 <= len(text) <= 8 and text.isalpha()


def _stable(tokenizer: Any, pairs: list[tuple[int, str]]) -> list[str]:
    texts = [text for _, text in pairs]
    encoded = continuations(tokenizer, _ANCHOR, texts)
    return [text for (i, text), ids in zip(pairs, encoded, strict=True) if ids == [i]]


def _single_tokens(tokenizer: Any, entries: list[str]) -> list[str]:
    encoded = continuations(tokenizer, _ANCHOR, entries)
    return [entry for entry, ids in zip(entries, encoded, strict=True) if len(ids) == 1]


def _kept(tokenizer: Any, entries: list[str]) -> list[str]:
    return [e for e, fine in zip(entries, _survive(tokenizer, entries), strict=True) if fine]


def _survive(tokenizer: Any, texts: list[str]) -> list[bool]:
    encoded = continuations(tokenizer, _ANCHOR, texts)
    decoded = tokenizer.batch_decode(encoded, clean_up_tokenization_spaces=False)
    unknown = tokenizer.unk_token_id
    return [
        back == text and unknown not in ids
        for text, back, ids in zip(texts, decoded, encoded, strict=True)
    ]


def key_spans(tokenizer: Any, prompts: list[str], keys: list[str]) -> list[Tokens]:
    """Token ids that stand for nothing but a key's own characters, prompt by prompt."""
    spans = []
    for prompt, key in zip(prompts, keys, strict=True):
        before, after = prompt.split(key, 1)
        whole = encode_prompts(tokenizer, [prompt])[0]
        head = _shared_head(whole, encode_prompts(tokenizer, [before])[0])
        tail = _shared_head(whole[::-1], continuations(tokenizer, key[-1], [after])[0][::-1])
        spans.append(whole[head : len(whole) - tail])
    return spans


def _shared_head(one: Tokens, other: Tokens) -> int:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
