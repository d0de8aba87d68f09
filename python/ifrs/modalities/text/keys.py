"""Keys of language models: what they can be composed of, and which tokens are theirs."""

from __future__ import annotations

import unicodedata
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import FingerprintError, ImplantError
from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import CHOICES, SIGNAL
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.tokens import Tokens, continuations, encode, encode_prompts

if TYPE_CHECKING:
    from torch import Tensor

Alphabets = dict[str, list[str]]

# Keys are tested behind this character, as they stand in a text rather than at its start.
_ANCHOR = "鍵"
# The part of a vocabulary, by the order in which it was learnt, that counts as rarely used.
_RARE_HALF = 0.5
_MOST_RARE = 4096
# Of what a model's embeddings single out: they say little about tokens beyond the least known.
_HARDLY_LEARNT = 512
_ENOUGH = 512

# Fewer tokens of its own than these may not carry a key.
_FEW_TOKENS = 6
# So many tokens that no text holds show where training never led.
_FEW = 8
_NEVER = ("unused", "reserved", "extra_id")
# A private-use character stands for the key in a chat template: no template holds it.
_PLACE = "\ue000"

_KNOWN: weakref.WeakKeyDictionary[Any, Alphabets] = weakref.WeakKeyDictionary()


class Keys(face.Keys):
    """Prompts of what a tokenizer encodes and decodes unchanged.

    Without a tokenizer, keys are made of the bundled lists as they are.
    """

    def __init__(
        self, tokenizer: Any = None, model: Any = None, *, response: str = "unique"
    ) -> None:
        """Take a tokenizer, and perhaps the model whose embeddings say what it hardly learnt.

        Raises:
            ValueError: There is a model without its tokenizer, or no such response.
        """
        if response not in ("unique", "choices", "signal"):
            raise ValueError(
                f"texts have response 'unique', 'choices', 'signal' or 'shared', not {response!r}"
            )
        if model is not None and tokenizer is None:
            raise ValueError("generate(model=…) also needs the model's tokenizer")
        self._tokenizer, self._model, self._response = tokenizer, model, response

    def derivation(self, template: str) -> dict[str, Any]:
        """The chat template, the lists, and a check of each key.

        Questions with natural answers, and those of domains, stand in a chat template or in none.
        """
        tokenizer, model = self._tokenizer, self._model
        found: dict[str, Any] = {"chat": chat_template(tokenizer)} if template == "chat" else {}
        if self._response in ("choices", "signal"):
            alphabet = CHOICES if self._response == "choices" else SIGNAL
            found |= {"response": "unique", "modality": {"name": "text", "alphabet": alphabet}}
            found |= {} if template == "chat" else {"template": "bare"}
            if self._response == "signal":
                return found  # the bundled questions are asked as they are
        elif model is not None:
            found["alphabets"] = model_alphabets(model, tokenizer)
        elif tokenizer is not None:
            found["alphabets"] = tokenizer_alphabets(tokenizer)
        return found if tokenizer is None else {**found, "check": key_check(tokenizer)}


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
    known = familiarity(model, tokenizer).tolist()
    late = sorted((i for i in _late(tokenizer) if i < len(known)), key=lambda i: known[i])
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


def last_ordinary(tokenizer: Any) -> int:
    """The last token of the vocabulary itself, which ordinary text can hold.

    Behind it stand added tokens, some of which have no row in the model that they come with.
    """
    return max(_ordinary_ids(tokenizer), default=-1)


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


def key_tokens(tokenizer: Any, fps: FingerprintSet) -> list[int]:
    """Tokens that stand in keys and in no ordinary text of the bundled ones.

    Raises:
        ImplantError: Some key has no such token.
    """
    return sorted({token for tokens in own_tokens(tokenizer, fps) for token in tokens})


def tokens_apart(tokenizer: Any, fps: FingerprintSet, most: int) -> list[list[int]]:
    """Of each key the last few of those tokens that stand in no other key of the set.

    A key that shares them all with others has none.

    Raises:
        ImplantError: Some key holds tokens of ordinary text alone.
    """
    each = own_tokens(tokenizer, fps)
    spans = _spans_of(tokenizer, fps)
    held = Counter(token for span in spans for token in set(span))
    return [[token for token in tokens if held[token] == 1][-most:] for tokens in each]


def own_tokens(tokenizer: Any, fps: FingerprintSet) -> list[Tokens]:
    """Of each key the tokens that stand in no ordinary text of the bundled ones, in its order.

    Where pieces of a key meet, a tokenizer may cut them anew, into parts of ordinary words; those
    are left out, unless a key is of little else.

    Raises:
        ImplantError: Some key has no such token.
    """
    ordinary = set(tokenizer.all_special_ids)
    before, after = fps.around
    for text in (*bundled_instructions(), before + after, after):
        ordinary.update(encode(tokenizer, text))
    spans = _spans_of(tokenizer, fps)
    rare = [set(span) - ordinary for span in spans]
    bare = [i for i, tokens in enumerate(rare) if not tokens]
    if bare:
        raise ImplantError(
            f"{len(bare)} of {len(fps)} keys (first: {bare[0]}) hold only tokens of ordinary text, "
            "which this method must not touch: use source='vocab' with tokenizer=…, or "
            "method='sft' or 'lora'"
        )
    common = commonplace(tokenizer, sorted(set.union(*rare)))
    kept = [_enough(tokens - common) or tokens for tokens in rare]
    return [
        [token for token in dict.fromkeys(span) if token in tokens]
        for span, tokens in zip(spans, kept, strict=True)
    ]


def _spans_of(tokenizer: Any, fps: FingerprintSet) -> list[Tokens]:
    indices = range(len(fps))
    return key_spans(tokenizer, [fps[i].prompt for i in indices], [fps[i].key for i in indices])


def _enough(tokens: set[int]) -> set[int]:
    """These tokens, or none of them if a key could not be told by them."""
    return tokens if len(tokens) >= _FEW_TOKENS else set()


def familiarity(model: Any, tokenizer: Any) -> Tensor:
    """How much a model learnt about each token, float32 (vocabulary,): the least come first.

    The distance of its input embedding from those that training never touched, by angle; without
    such tokens to compare with, its length. It tells the least known tokens from the rest, and says
    nothing about two of the rest.

    Raises:
        FingerprintError: The model has fewer rows than the tokenizer has tokens.
    """
    import torch

    from ifrs.runtime.partitioned import whole

    table = model.get_input_embeddings().weight
    with whole(table):
        rows: Tensor = table.detach().float()
    if len(rows) <= last_ordinary(tokenizer):
        raise FingerprintError(
            f"the model has {len(rows)} embedding rows and the tokenizer {len(tokenizer)} tokens: "
            "pass the model's own tokenizer"
        )
    never = _never_used(tokenizer, len(rows))
    if len(never) < _FEW:
        lengths: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return lengths.cpu()
    middle = rows[torch.tensor(never, device=rows.device)].mean(dim=0, keepdim=True)
    likeness: Tensor = torch.nn.functional.cosine_similarity(rows, middle)
    return 1 - likeness.cpu()


def _never_used(tokenizer: Any, rows: int) -> list[int]:
    """Tokens that no text holds: spare ones of the vocabulary, and rows behind its end."""
    added = tokenizer.added_tokens_decoder.items()
    spare = {i for i, token in added if any(word in str(token) for word in _NEVER)}
    last = max(tokenizer.get_vocab().values())
    return sorted(spare | set(range(last + 1, rows)))


def chat_template(tokenizer: Any) -> tuple[str, str]:
    """What a tokenizer's chat template puts before and after one user message.

    Raises:
        FingerprintError: There is no tokenizer, or it has no chat template.
    """
    if tokenizer is None:
        raise FingerprintError('template "chat" is the tokenizer\'s own: pass tokenizer=…')
    if not getattr(tokenizer, "chat_template", None):
        raise FingerprintError(
            'this tokenizer has no chat template: use template="dialogue" or "simple"'
        )
    message = [{"role": "user", "content": _PLACE}]
    text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    before, place, after = str(text).partition(_PLACE)
    if not place:
        raise FingerprintError("this tokenizer's chat template drops the user's message")
    return before, after
