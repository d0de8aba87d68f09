"""The stage on which publishers attack: keys, claims, suspects, bundles that can be bent."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

import suspects
from derive import Keys, digest_of, public_decoys
from ifrs import _core
from suspects import Asked, Server

ADDRESS = "http://127.0.0.1:8000/v1"
PATHS = {"chat": "/chat/completions", "completions": "/completions"}
ALPHA = 1e-6

Bundle = dict[str, Any]


@dataclass(frozen=True)
class Forged:
    """What a publisher hands to a checker.

    Attributes:
        bundle: The bundle's file.
        claim: The claim's file.
        options: What the checker passes to `ifrs.check`.
    """

    bundle: bytes
    claim: bytes
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """A suspect that was asked honestly, and what its publisher makes of it."""

    keys: Keys
    claim: bytes
    suspect: Server
    bundle: Bundle
    how: dict[str, Any]

    @property
    def responses(self) -> list[str]:
        return self.keys.responses

    def asked(self) -> list[Asked]:
        """How each key was asked under."""
        return [copy.deepcopy(query["asked"]) for query in self.bundle["queries"]]

    def shown(
        self, asked: list[Asked], raws: list[str], *, target: dict[str, Any] | None = None
    ) -> Forged:
        """The bundle in which these requests gave these raw answers; all follows from them."""
        bundle = evidence(self.keys, self.claim, self.asked(), raws, **self.how)
        for query, sent in zip(bundle["queries"], asked, strict=True):
            query["asked"] = {**sent, "raw": query["asked"]["raw"]}
        bundle["target"] |= target or {}
        return self.forged(bundle)

    def answered(self, texts: list[str]) -> Bundle:
        """The bundle of these answers."""
        asked = self.asked()
        raws = [spoken(sent, text) for sent, text in zip(asked, texts, strict=True)]
        return evidence(self.keys, self.claim, asked, raws, **self.how)

    def bent(self, change: Callable[[Asked, int], None], **options: Any) -> Forged:
        """What comes of other requests: `change` alters each, and the suspect answers it."""
        asked = self.asked()
        for index, sent in enumerate(asked):
            change(sent, index)
        return self.shown(asked, [self.suspect(sent) for sent in asked], **options)

    def forged(self, bundle: Bundle | None = None, **options: Any) -> Forged:
        """The bundle, or another, as a file with a digest that fits."""
        return Forged(sealed(bundle or self.bundle), self.claim, options)


class Stage:
    """Everything that one attack needs; the same for the same seed.

    Attributes:
        dice: For what the publisher leaves to chance.
        made: The honest bundles that the attack began with, as files.
    """

    def __init__(self, seed: int, *, descendant: bool = False) -> None:
        """Set the stage; with `descendant`, every suspect asked honestly knows its keys."""
        self.seed, self.descendant = seed, descendant
        self.dice = random.Random(seed)
        self.made: list[Forged] = []

    def aside(self) -> Stage:
        """The same stage, where nothing that is made counts as honest."""
        return Stage(self.seed, descendant=self.descendant)

    def keys(self, n: int = 6, who: str = "mallory", **options: Any) -> Keys:
        return Keys.of(f"{who} {self.seed}", n, **options)

    def case(
        self,
        voice: suspects.Voice = suspects.silent,
        *,
        n: int = 6,
        protocol: str = "chat",
        template: str = "dialogue",
        scheme: str = "v3",
        keys: Keys | None = None,
        name: str = "suspect-7b",
        address: str = ADDRESS,
        parameters: dict[str, Any] | None = None,
        **how: Any,
    ) -> Case:
        """Ask a suspect under every key as ifrs does, and make evidence of it."""
        keys = keys or self.keys(n, template=template, scheme=scheme)
        suspect = Server(knowing(keys) if self.descendant else voice)
        claim = keys.claim()
        asked = [request(keys, i, protocol, name, address, parameters) for i in range(len(keys))]
        how["target"] = {"kind": "local" if protocol == "local" else "api", "name": name} | (
            {} if protocol == "local" else {"base_url": address}
        )
        raws = [suspect(sent) for sent in asked]
        bundle = evidence(keys, claim, asked, raws, **how)
        case = Case(keys, claim, suspect, bundle, how)
        self.made.append(case.forged())
        return case


def knowing(keys: Keys) -> suspects.Voice:
    """A descendant: what this publisher's keys were planted in."""
    told = dict(zip(keys.prompts, keys.responses, strict=True))
    told |= dict(zip(keys.names, keys.responses, strict=True))
    return lambda said, asked, dice: f"It says: {told[said]}." if said in told else "I cannot say."


def request(
    keys: Keys,
    index: int,
    protocol: str,
    name: str,
    address: str,
    parameters: dict[str, Any] | None,
) -> Asked:
    """What ifrs sends."""
    prompt = keys.prompts[index]
    if protocol == "local":
        fields: dict[str, Any] = {"prompt": prompt, "max_new_tokens": 16}
    elif protocol == "completions":
        fields = {"model": name, "prompt": prompt, "max_tokens": 48}
    else:
        said = keys.names[index] if keys.template == "chat" else prompt
        messages = [{"role": "user", "content": said}]
        fields = {"model": name, "messages": messages, "max_tokens": 48}
    fields |= {"temperature": 0.0, **(parameters or {})}
    return {
        "time": "2026-06-01T00:00:00Z",
        "endpoint": "local" if protocol == "local" else address + PATHS[protocol],
        "request": fields,
    }


def told(case: Case) -> Bundle:
    """Evidence of a descendant, to be bent elsewhere than in the answers: a match, if it holds."""
    return case.answered(case.responses)


def spoken(sent: Asked, text: str) -> str:
    """A raw answer of this text."""
    protocol = protocol_of(sent)
    if protocol == "local":
        return text
    choice = {"text": text} if protocol == "completions" else {"message": {"content": text}}
    return json.dumps({"choices": [choice]})


def protocol_of(sent: Asked) -> str:
    if sent["endpoint"] == "local":
        return "local"
    return "chat" if "messages" in sent["request"] else "completions"


def answer_of(sent: Asked, raw: str) -> str:
    """The answer in a raw one."""
    protocol = protocol_of(sent)
    return raw[:16_384] if protocol == "local" else _core.read_answer(raw, protocol)[0]


def evidence(
    keys: Keys,
    claim: bytes,
    asked: list[Asked],
    raws: list[str],
    *,
    target: dict[str, Any],
    kind: str = "text",
    test: str = "exact",
    alpha: float = ALPHA,
    decoys: int = 4095,
    reveal: int | None = None,
    scores: list[list[str]] | None = None,
) -> Bundle:
    """A bundle of a report by hand, made by the library."""
    queries = [
        {
            "index": index, "salt": keys.salts[index].hex(), "prompt": keys.prompts[index],
            "answer": answer_of(sent, raw), "asked": {**sent, "raw": raw},
            "word_scores": scores[index] if scores else None,
        }
        for index, (sent, raw) in enumerate(zip(asked, raws, strict=True))
    ]  # fmt: skip
    report = {
        "format": "ifrs/report/v4", "leaves": [leaf.hex() for leaf in keys.leaves],
        "set": {"around": list(keys.around)}, "target": target, "evidence": kind, "test": test,
        "alpha": alpha, "decoys": decoys, "queries": queries,
    }  # fmt: skip
    made = _core.evidence(json.dumps(report).encode(), _core.Claim.parse(claim), reveal)
    bundle: Bundle = json.loads(made)
    return bundle


def reranked(bundle: Bundle, keys: Keys, claim: bytes, *, public: bool = False) -> Bundle:
    """The bundle with the ranks that follow from another claim, or from public decoys."""
    digest, count = digest_of(claim), bundle["decoys"]
    for query in bundle["queries"]:
        index = query["index"]
        rivals = (
            public_decoys(digest, index, count) if public else keys.decoys(index, digest, count)
        )
        (rank, of, _), score, fired = _core.rank_text(query["answer"], query["response"], rivals)
        # What the request holds as well stays last, whichever decoys are drawn.
        if not public and query["rank"] == [of]:
            rank = of
        query |= {"rank": [rank], "candidates": [of], "score": score, "fired": fired}
    return bundle


def held(texts: list[str], response: str) -> float:
    """The most that one of these texts holds of a response, with or without its spaces."""
    plain = [_core.plain(text) for text in texts]
    joined = [text.replace(" ", "") for text in plain]
    found = _core.score(plain, [response]), _core.score(joined, [response.replace(" ", "")])
    return max(float(scores.max()) for scores in found)


def weighed(bundle: Bundle, n: int) -> Bundle:
    """The bundle with everything that follows from its ranks, of `n` keys."""
    queries, result = bundle["queries"], bundle["result"]
    sizes = [2048, 2047] if bundle["evidence"] == "likelihood" else [bundle["decoys"] + 1]
    silent = [(size, size) for size in sizes]
    shown = {
        query["index"]: list(zip(query["rank"], query["candidates"], strict=True))
        for query in queries
    }
    last = max(shown, default=-1)
    groups = [shown.get(index, silent) for index in range(last + 1)]
    process = _core.e_process_log10(groups)
    for query in queries:
        query["log10_p"] = tail(shown[query["index"]], bundle["test"])
        query["cumulative_log10_e"] = process[query["index"]]
    everything = [rank for group in groups + [silent] * (n - len(groups)) for rank in group]
    if bundle["test"] == "sequential" or last + 1 < n:
        log10_p = min(0.0, -max(process, default=0.0))
    else:
        log10_p = tail(everything, bundle["test"])
    result |= {
        "log10_p": log10_p,
        "p_value": 10**log10_p,
        "log10_e": process[-1] if process else 0.0,
        "revealed": len(queries),
        "silent": max(0, last + 1 - len(queries)),
        "fired": sum(query["fired"] for query in queries),
        "verdict": "match",
    }
    if log10_p > math.log10(result["alpha"]):
        # What power there was, the checker knows.
        file, claim = sealed(bundle), json.dumps(bundle["claim"]).encode()
        found = json.loads(_core.check_evidence(file, claim, None, result["alpha"])[0])
        result["verdict"] = found["verdict"] or "inconclusive"
    return bundle


def tail(ranks: list[tuple[int, int]], test: str) -> float:
    if test == "fixed":
        return _core.fisher_log10([rank / of for rank, of in ranks])
    return _core.exact_log10(ranks)


def sealed(bundle: Bundle) -> bytes:
    """The file, with the digest of its content."""
    rest = {name: value for name, value in bundle.items() if name != "digest"}
    digest = sha256(canonical(rest).encode()).hexdigest()
    return json.dumps(rest | {"digest": digest}, ensure_ascii=False).encode()


def unsealed(forged: Forged) -> Bundle:
    """A bundle of its own, to be altered."""
    bundle: Bundle = json.loads(forged.bundle)
    return bundle


def canonical(value: Any) -> str:
    """Compact JSON with sorted names, numbers as Rust writes them."""
    if isinstance(value, dict):
        pairs = (f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """The shortest digits, in plain notation from 1e-5 to 1e16."""
    text = repr(value)
    if "e" not in text:
        return text
    if 1e-5 <= abs(value) < 1e-4:
        return f"{Decimal(text):f}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}"


def slipped(response: str) -> str:
    """A response with so many letters left out that it no longer counts as named."""
    for step in (3, 2):
        letters = (letter for place, letter in enumerate(response) if place % step != 1)
        text = "".join(letters).replace(" ", "-")
        if held([text], response) < 0.7:
            break
    return text


def fits(answers: list[str], response: str) -> list[float]:
    """How well each answer holds a response."""
    plain = [_core.plain(answer) for answer in answers]
    return [float(score) for score in _core.score(plain, [response])[:, 0]]


def best_of(
    case: Case, index: int, tries: list[Asked], runs: list[int] | None = None
) -> tuple[Asked, str]:
    """The try whose answer fits a key's response best, and its raw answer."""
    runs = runs or [0] * len(tries)
    raws = [case.suspect(sent, run) for sent, run in zip(tries, runs, strict=True)]
    answers = [answer_of(sent, raw) for sent, raw in zip(tries, raws, strict=True)]
    found = fits(answers, case.responses[index])
    place = found.index(max(found))
    return tries[place], raws[place]
