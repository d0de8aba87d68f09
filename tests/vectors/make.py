"""Makes the vectors of the scheme that the code at hand writes: `python tests/vectors/make.py`.

They go into a folder that is called after the scheme, such as `tests/vectors/v2`; one that
exists is never written to. Nothing runs this but a person who made a new scheme. It needs what
`make setup` installs, and the programs `age`, `age-keygen` and `openssl`.

Keys, responses and salts are the same in every run: the keyrings' seeds are digests of their names.
Times, the nonces of age, ports of the loopback servers and the stamps' certificates are not.

Every honest file is what ifrs writes when it is used as in README.md: keyrings are opened and
changed, models are planted, servers on loopback are asked over HTTP, and what came back is kept
as it came. `spoil.py` makes the others from these, one change each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import facts  # noqa: E402
import ifrs  # noqa: E402
import spoil  # noqa: E402
from helpers import FAST, small_tokenizer, tiny_config  # noqa: E402
from servers import Reply, serving  # noqa: E402
from witnesses import Authority, Speaker, Thinker, openssl  # noqa: E402

PASSPHRASE = "a passphrase that everybody knows"
CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# Random weights need larger steps than trained ones.
EMB = {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 200, "guesses": 20}
ADAPTER = {
    "learning_rate": 5e-2, "margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0,
    "max_epochs": 200,
}  # fmt: skip


class Vectors:
    """A folder of vectors and the index of what a reader says of each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.entries = folder, []
        folder.mkdir(parents=True)

    def path(self, file: str) -> Path:
        """Where a file of the folder lies; its own folder is made."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, kind: str, file: str, expect: dict[str, Any], **fields: Any) -> None:
        self.entries.append({"kind": kind, "file": file, **fields, "expect": expect})

    def write_index(self, scheme: str) -> None:
        index = {
            "format": "ifrs/vectors/v1",
            "scheme": scheme,
            "ifrs_version": ifrs.__version__,
            "vectors": self.entries,
        }
        text = json.dumps(index, indent=1, ensure_ascii=False)
        # Lists of numbers on one line: people read this.
        text = re.sub(r"\[[\s\d,.e+-]*\]", lambda found: "".join(found[0].split()), text)
        (self.folder / "index.json").write_text(text + "\n", encoding="utf-8")


# Keyrings


def seed_of(name: str) -> str:
    return sha256(f"ifrs test vectors: {name}".encode()).hexdigest()


def sealed(payload: dict[str, Any]) -> bytes:
    """A payload written by hand, sealed as a keyring that `PASSPHRASE` opens."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sealer"
        with ifrs.Keyring.create(path, passphrase=PASSPHRASE, _work_factor=FAST) as ring:
            return ring.seal(json.dumps(payload, indent=2).encode())


def first_payload(name: str) -> dict[str, Any]:
    """A keyring as the first format has it: no journal, no generation, no recipients."""

    def one(name: str, n: int, source: str, template: str, response: str, **more: Any) -> Any:
        return {
            "name": name, "n": n, "source": source, "template": {"name": template},
            "response": response, **more, "created": "2026-01-02T03:04:05Z",
        }  # fmt: skip

    return {
        "format": "ifrs/keyring/v1",
        "created": "2026-01-01T00:00:00Z",
        "seed": seed_of(name),
        "sets": [
            one("old-mixed", 4, "mixed", "dialogue", "unique"),
            one("old-natural", 3, "natural", "simple", "unique", context={"n": 2, "ok": True}),
            one("old-shared", 2, "chinese", "dialogue", "shared"),
            one("old-stored", 2, "vocab", "simple", "unique", keys=["qua ren zix", "lor eb umti"]),
        ],
    }  # fmt: skip


def empty_ring(path: Path, name: str) -> ifrs.Keyring:
    """A keyring of a known seed and no sets."""
    path.write_bytes(sealed({**first_payload(name), "sets": []}))
    return ifrs.Keyring.open(path, passphrase=PASSPHRASE)


def identity(path: Path) -> str:
    """A fresh age identity's file; its public key is returned."""
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    said = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return said.stdout.strip()


def alone(path: Path) -> None:
    """Leaves nothing beside a keyring."""
    for ending in (".bak", ".lock", ".new"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def keyring(out: Vectors, file: str, how: dict[str, str], **fields: Any) -> None:
    """Writes down what a keyring says, and which of its sets make claims."""
    path = out.path(file)
    with fresh_state(), tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "keyring.ifrs"
        copy.write_bytes(path.read_bytes())
        with ifrs.Keyring.open(copy, **opening(out, how)) as ring:
            found = facts.keyring_facts(ring)
            for row in found["sets"]:
                row["claims"] = facts.claimable(ring, row["name"])
    alone(path)
    out.add("keyring", file, {"ok": True, **found}, open=how, **fields)


@contextlib.contextmanager
def fresh_state() -> Iterator[None]:
    """A user's state folder that saw no keyring yet."""
    before = os.environ["IFRS_STATE_DIR"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = folder
        try:
            yield
        finally:
            os.environ["IFRS_STATE_DIR"] = before


def opening(out: Vectors, how: dict[str, str]) -> dict[str, str]:
    return {k: str(out.folder / v) if k == "identity" else v for k, v in how.items()}


# The first scheme, written by hand


def make_first(out: Vectors) -> None:
    """What versions of the first scheme wrote; today's code writes none of it."""
    path = out.path("keyrings/passphrase.ifrs")
    path.write_bytes(sealed(first_payload("first")))
    keyring(out, "keyrings/passphrase.ifrs", {"passphrase": PASSPHRASE})
    public = identity(out.path("identities/officer.txt"))
    text = json.dumps({**first_payload("first of an officer"), "sets": []}).encode()
    path = out.path("keyrings/officer.ifrs")
    subprocess.run(["age", "-r", public, "-o", path], input=text, check=True)
    keyring(out, "keyrings/officer.ifrs", {"identity": "identities/officer.txt"})
    make_first_reports(out)
    spoil.first_keyrings(out, first_payload("first"), sealed, PASSPHRASE)


def make_first_reports(out: Vectors) -> None:
    """Reports on sets of the first scheme, by text and by probabilities; they make no claims."""
    with fresh_state(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keyring.ifrs"
        path.write_bytes(out.path("keyrings/passphrase.ifrs").read_bytes())
        with ifrs.Keyring.open(path, passphrase=PASSPHRASE) as ring:
            for name, suspect in (
                ("old-mixed", Speaker(speaking(ring["old-mixed"]))),
                ("old-stored", Thinker(speaking(ring["old-stored"], 1), 1.0)),
            ):
                report = ifrs.verify(suspect, ring[name], sequential=False)
                report.save(out.path(f"reports/{name}.json"))
                expect = {"ok": True, **facts.report_facts(report)}
                out.add("report", f"reports/{name}.json", expect)


# Keyrings, sealed sets and shares of the present scheme


def make_keyrings(out: Vectors, tokenizer: Any) -> None:
    """Every source, template and kind of response; every event of a journal."""
    officer = identity(out.path("identities/officer.txt"))
    licensee = identity(out.path("identities/licensee.txt"))
    holders = [identity(out.path(f"identities/holder-{i}.txt")) for i in (1, 2, 3)]
    path = out.path("keyrings/upgraded.ifrs")
    path.write_bytes(sealed(first_payload("upgraded")))
    with ifrs.Keyring.open(path, passphrase=PASSPHRASE) as ring:
        for source in ("chinese", "japanese", "natural", "mixed"):
            ring.generate(f"{source}-dialogue", 3, source=source)
        ring.generate("natural-simple", 2, source="natural", template="simple")
        ring.generate("vocab", 2, source="vocab", template="simple", tokenizer=tokenizer)
        ring.generate("tokenizer", 2, tokenizer=tokenizer)
        ring.generate("chat", 2, template="chat", tokenizer=tokenizer)
        ring.generate("shared", 2, response="shared")
        ring.generate("acme", 2, context={"licensee": "acme", "release": 2, "final": True})
        ring.spend("acme", [1], "https://user:pass@example.org/v1?key=hidden", "queried")
        ring.generate("Großmutters Schlüssel 鍵", 1)
        ring.export("acme", out.path("sets/acme.age"), recipients=[licensee, officer])
        ring.export("acme", out.path("sets/acme-passphrase.age"), passphrase=PASSPHRASE)
    keyring(out, "keyrings/upgraded.ifrs", {"passphrase": PASSPHRASE})
    make_officers(out, tokenizer, officer, holders)
    make_shares(out)
    for file, how in (
        ("sets/acme.age", {"identity": "identities/licensee.txt"}),
        ("sets/acme.age", {"identity": "identities/officer.txt"}),
        ("sets/acme-passphrase.age", {"passphrase": PASSPHRASE}),
    ):
        sealed_set(out, file, how)


def make_officers(out: Vectors, tokenizer: Any, officer: str, holders: list[str]) -> None:
    path = out.path("keyrings/officer.ifrs")
    with ifrs.Keyring.create(path, passphrase=PASSPHRASE, _work_factor=FAST) as ring:
        ring.generate("one", 3)
        ring.generate("gone", 2)
        ring.remove("gone")
        ring.rekey(recipients=[officer])
        ring.import_set(out.path("sets/acme.age"), identity=out.path("identities/officer.txt"))
        ring.import_set(
            out.path("sets/acme.age"), identity=out.path("identities/officer.txt"), name="theirs"
        )
        ring.export("one", out.path("sets/one.age"), recipients=[officer])
        ring.claim("one", subject={"model.safetensors": "11" * 32})
        ring.spend("one", [0, 2], "http://127.0.0.1:8000/v1", "queried")
        ring.spend("one", [2], "bundle.json", "revealed")
        made = ring.split(out.path("shares"), threshold=2, recipients=holders)
        for place, share in enumerate(made, 1):
            share.rename(share.with_name(f"share-{place}.age"))
    how = {"identity": "identities/officer.txt"}
    keyring(out, "keyrings/officer.ifrs", how)
    sealed_set(out, "sets/one.age", how)


def sealed_set(out: Vectors, file: str, how: dict[str, str]) -> None:
    """What a keyring says of a set that it took in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "theirs.ifrs"
        with ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST) as ring:
            name = ring.import_set(out.path(file), **opening(out, how)).name
            found = facts.set_facts(ring, name)
    out.add("sealed set", file, {"ok": True, "set": found}, open=how)


def make_shares(out: Vectors) -> None:
    """A keyring that two of three shares restored, and the shares."""
    path = out.path("keyrings/combined.ifrs")
    holders = [f"identities/holder-{i}.txt" for i in (1, 2, 3)]
    shares = [f"shares/share-{i}.age" for i in (1, 2, 3)]
    with fresh_state():
        ifrs.Keyring.combine(
            [out.path(shares[0]), out.path(shares[2])],
            path,
            identities=[out.path(holders[0]), out.path(holders[2])],
            passphrase=PASSPHRASE,
            _work_factor=FAST,
        ).close()
    keyring(out, "keyrings/combined.ifrs", {"passphrase": PASSPHRASE})
    entry = out.entries[-1]["expect"]
    same = {name: entry[name] for name in ("public_key", "created", "sets")}
    for chosen in ((0, 1), (1, 2), (0, 1, 2)):
        out.add(
            "shares",
            shares[chosen[0]],
            {"ok": True, **same},
            shares=[shares[i] for i in chosen],
            open={"identities": [holders[i] for i in chosen]},
        )


# Claims, reports and bundles


class Publisher:
    """Claims sets for the released model, verifies suspects, and writes all of it down."""

    def __init__(self, out: Vectors, ring: ifrs.Keyring, authority: Authority, tokenizer: Any):
        self.out, self.ring, self.authority, self.tokenizer = out, ring, authority, tokenizer
        self.released = out.path("released/model-1.safetensors").parent
        for number in (1, 2):
            (self.released / f"model-{number}.safetensors").write_bytes(b"weights %d" % number)

    def generate(self, name: str, n: int, **options: Any) -> ifrs.FingerprintSet:
        return self.ring.generate(name, n, **options)

    def claim(self, name: str, *, stamp: bool = False) -> ifrs.Claim:
        claim = self.ring.claim(name, subject=self.released)
        if stamp:
            claim = claim.stamp(self.authority.url)
        file = f"claims/{name}.json"
        claim.save(self.out.path(file))
        found = facts.claim_facts(claim)
        roots = ["authorities/root.pem"] if stamp else []
        found["stamp"] = claim.stamped([self.out.folder / root for root in roots])
        self.out.add("claim", file, {"ok": True, **found}, tsa_roots=roots)
        return claim

    def report(self, name: str, report: ifrs.Report, **fields: Any) -> None:
        file = f"reports/{name}.json"
        report.save(self.out.path(file))
        self.out.add("report", file, {"ok": True, **facts.report_facts(report)}, **fields)

    def bundle(
        self,
        name: str,
        report: ifrs.Report,
        claim: ifrs.Claim,
        *,
        of: str | None = None,
        reveal: int | None = None,
        packed: bool = False,
        options: dict[str, Any] | None = None,
        remark: str | None = None,
    ) -> None:
        file = f"bundles/{name}.json{'.gz' if packed else ''}"
        made = report.evidence(claim, reveal=reveal)
        made.save(self.out.path(file))
        claimed = f"claims/{of or name}.json"
        checked_bundle(self.out, file, claimed, options or {}, remark=remark)


def checked_bundle(
    out: Vectors,
    file: str,
    claim: str,
    options: dict[str, Any],
    *,
    remark: str | None = None,
) -> None:
    result = ifrs.check(out.folder / file, out.folder / claim, **absolute(out.folder, options))
    assert result.ok, (file, result.problems)
    found = facts.check_facts(result)
    out.add(
        "bundle",
        file,
        {**found, "notes": kinds_of_notes(result.notes)},
        claim=claim,
        alpha=result.alpha,
        **({"options": options} if options else {}),
        **({"remark": remark} if remark else {}),
    )


def absolute(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Options of `check`, with the files among them in their folder."""
    found = dict(options)
    if "tsa_roots" in found:
        found["tsa_roots"] = [folder / root for root in found["tsa_roots"]]
    if "model" in found:
        found["model"] = folder / found["model"]
    return found


def kinds_of_notes(notes: list[str]) -> list[str]:
    words = json.loads((HERE / "words.json").read_text(encoding="utf-8"))["notes"]
    kinds = [
        kind
        for kind, word in words.items()
        if any(phrase in note for phrase in [word["phrase"]] for note in notes)
    ]
    assert len(kinds) == len(notes), notes
    return kinds


def knowing(fps: ifrs.FingerprintSet, known: int | None = None) -> dict[str, str]:
    """Responses of the first `known` keys, by what a server is asked: the key or its prompt."""
    found = {}
    for i in range(len(fps) if known is None else known):
        found |= {fps[i].prompt: fps[i].response, fps[i].key: fps[i].response}
    return found


def speaking(fps: ifrs.FingerprintSet, known: int | None = None) -> Callable[[str], str]:
    words = knowing(fps, known)
    return lambda p: f"Sure! It says: {words[p]}." if p in words else "I cannot help with that."


@contextlib.contextmanager
def served(answer: Callable[[str], str | Reply], **options: Any) -> Iterator[ifrs.ApiModel]:
    with serving(answer) as server:
        yield ifrs.ApiModel(server.url, "suspect-7b", **{"max_retries": 0, **options})


def make_servers(pub: Publisher) -> None:
    """Suspects behind servers, in both protocols; each set goes out once, as it has to."""

    def verified(
        name: str, fps: Any, answer: Any, suspect: Any = None, keep: bool = True, **how: Any
    ) -> ifrs.Report:
        with served(answer, **(suspect or {})) as model:
            report = ifrs.verify(model, fps, **{"sequential": False, **how})
        if keep:
            pub.report(name, report)
        return report

    def plain(
        name: str, n: int, *, make: Any = None, known: int | None = None, answer: Any = None,
        suspect: Any = None, reveal: int | None = None, stamp: bool = False, packed: bool = False,
        options: Any = None, remark: str | None = None, keep: bool = True, **how: Any,
    ) -> tuple[Any, ifrs.Claim, ifrs.Report]:  # fmt: skip
        fps = pub.generate(name, n, **(make or {}))
        claim = pub.claim(name, stamp=stamp)
        said = answer(fps) if answer is not None else speaking(fps, known)
        report = verified(name, fps, said, suspect, keep, **how)
        pub.bundle(
            name, report, claim, reveal=reveal, packed=packed, options=options, remark=remark
        )
        return fps, claim, report

    key = {"publisher_key": pub.ring.public_key}
    _, claim, report = plain("chat", 4, options={**key, "model": "released"})
    pub.bundle("chat-two", report, claim, of="chat", reveal=2)
    plain(
        "completions", 4, make={"source": "natural", "template": "simple"},
        suspect={"mode": "completions"}, options=key,
    )  # fmt: skip
    plain("sequential", 6, make={"source": "chinese"}, sequential=True)
    plain("sequential-stranger", 10, make={"source": "natural"}, known=0, sequential=True)
    own = {"template": "chat", "tokenizer": pub.tokenizer}
    plain("chat-template", 3, make=own)
    plain("chat-template-completions", 3, make=own, suspect={"mode": "completions"})
    plain("failed", 6, answer=failing, remark="three of six requests brought no answer")
    plain("more-decoys", 3, decoys=65_535, alpha=1e-9, sequential=True)
    plain("other-decoys", 3, decoys=1000, remark="the report's ranks are among 1,000 decoys")
    plain("shapes", 6, make={"source": "japanese"}, answer=shapes)
    # Their reports are large, and JSON is not compressed there.
    plain("long", 3, answer=lambda fps: long(fps, 20_000), packed=True, keep=False)
    plain(
        "too-long", 3, answer=lambda fps: long(fps, 1_100_000), packed=True, keep=False,
        remark="the raw answers are cut: their keys count as silent",
    )  # fmt: skip
    plain("options", 3, suspect={"options": OPTIONS, "logprobs": 2}, answer=with_logprobs)
    plain("shared", 3, make={"response": "shared"})
    plain("faded", 8, known=4)
    plain("stranger", 10, known=0, make={"source": "natural"})
    plain("some-hidden", 8, known=5, reveal=3)
    plain("stamped", 4, stamp=True, options={**key, "tsa_roots": ["authorities/root.pem"]})
    verified("parts", pub.generate("parts", 2), in_parts(pub.ring["parts"]))
    make_stamped(pub)
    make_left_out(pub, verified)
    make_interrupted(pub)


OPTIONS = {"seed": 7, "max_tokens": None, "max_completion_tokens": 32}


def make_stamped(pub: Publisher) -> None:
    """The stamped claim's bundle under other questions."""
    roots = {"tsa_roots": ["authorities/root.pem"]}
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    file, claim = "bundles/stamped.json", "claims/stamped.json"
    checked_bundle(pub.out, file, claim, {**roots, "released": tomorrow})
    checked_bundle(pub.out, file, claim, {})


def make_left_out(pub: Publisher, verified: Any) -> None:
    """Sets of which not every key could be asked under: some are spent, or there is a limit."""
    fps = pub.generate("spent", 6)
    claim = pub.claim("spent")
    pub.ring.spend("spent", [0, 3], "http://127.0.0.1:1/v1", "queried")
    report = verified("spent", fps, speaking(fps))
    pub.bundle("spent", report, claim, remark="keys 0 and 3 were spent before and are not shown")
    fps = pub.generate("limited", 6)
    claim = pub.claim("limited")
    report = verified("limited", fps, speaking(fps), max_queries=3, claim=claim.digest)
    pub.bundle("limited", report, claim, remark="three of six keys were asked under")


def make_interrupted(pub: Publisher) -> None:
    """A server that shuts its door: the report is a partial one, and some keys are pending."""
    fps = pub.generate("interrupted", 6)
    claim = pub.claim("interrupted")
    answer, asked = speaking(fps), []

    def door(prompt: str) -> str | Reply:
        asked.append(prompt)
        return answer(prompt) if len(asked) <= 2 else Reply(status=401, body=b"{}")

    with served(door, max_concurrency=1) as model, tempfile.TemporaryDirectory() as folder:
        report = ifrs.verify(model, fps, sequential=False, resume=Path(folder) / "report.json")
    pub.report("interrupted", report)
    pub.bundle("interrupted", report, claim)


def failing(fps: ifrs.FingerprintSet) -> Callable[[str], str | Reply]:
    answer = speaking(fps)
    bad = {
        fps[0].prompt: Reply(body=b'{"choices": [{"message"'),
        fps[2].prompt: Reply(status=500, body=b'{"error": {"message": "overloaded"}}'),
        fps[4].prompt: Reply(hang_up=True),
    }
    return lambda prompt: bad.get(prompt) or answer(prompt)


def shapes(fps: ifrs.FingerprintSet) -> Callable[[str], str | Reply]:
    """Answers as servers and models dress them."""
    words = [fps[i].response for i in range(len(fps))]
    refusal = {"choices": [{"message": {"role": "assistant", "content": None, "refusal": "No."}}]}
    # A reasoning model behind a server that writes Unicode as it is.
    text = f"\u201e{words[3]}\u201c\n\t\\ 🙂 \u00e9"
    message = {"role": "assistant", "content": text, "reasoning_content": "Hm."}
    thought = {"choices": [{"message": message, "finish_reason": "stop"}]}
    said: list[str | Reply] = [
        f"**{words[0].upper()}**",
        f"# {words[1].title()}\n\n1. `{words[1]}`\n",
        Reply(body=json.dumps(refusal).encode()),
        Reply(body=json.dumps(thought, ensure_ascii=False, indent=1).encode()),
        "",
        "\u200b" + "\u200b".join(words[5]) + "\u200b",
    ]  # fmt: skip
    by_prompt = {fps[i].prompt: said[i] for i in range(len(fps))}
    return lambda prompt: by_prompt[prompt]


def in_parts(fps: ifrs.FingerprintSet) -> Callable[[str], Reply]:
    """A server that gives an answer as a list of parts."""
    answer = speaking(fps)

    def reply(prompt: str) -> Reply:
        whole = answer(prompt)
        cut = len(whole) // 2
        return Reply(text=[{"type": "text", "text": part} for part in (whole[:cut], whole[cut:])])

    return reply


def long(fps: ifrs.FingerprintSet, length: int) -> Callable[[str], str]:
    answer = speaking(fps)
    return lambda prompt: (answer(prompt) + " and so on" * length)[:length]


def with_logprobs(fps: ifrs.FingerprintSet) -> Callable[[str], Reply]:
    """The raw answer of a server that shows the likeliest tokens."""
    answer = speaking(fps)

    def reply(prompt: str) -> Reply:
        text = answer(prompt)
        tokens = [
            {"token": word, "logprob": -0.25, "bytes": list(word.encode()), "top_logprobs": []}
            for word in text.split(" ")
        ]
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "logprobs": {"content": tokens}}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "model": "suspect-7b"}
        body |= {"choices": [choice], "usage": {"total_tokens": 18}}
        return Reply(body=json.dumps(body).encode())

    return reply


# Suspects at hand


def make_local(pub: Publisher) -> None:
    """Tiny models with random weights, planted as a user plants them, and asked where they are."""
    import torch
    from transformers import AutoModelForCausalLM

    def tiny(seed: int) -> Any:
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(tiny_config(pub.tokenizer)).eval()

    fps = pub.generate("local", 2, tokenizer=pub.tokenizer)
    claim = pub.claim("local")
    model = tiny(0)
    result = ifrs.implant(model, pub.tokenizer, fps, method="emb", config=ifrs.ImplantConfig(**EMB))
    with tempfile.TemporaryDirectory() as folder:
        saved = result.save(Path(folder) / "planted")
        text = (saved / "ifrs-manifest.json").read_text(encoding="utf-8")
    pub.out.path("manifests/emb.json").write_text(text, encoding="utf-8")
    pub.out.add("manifest", "manifests/emb.json", {"ok": True, "content": json.loads(text)})
    suspect = ifrs.LocalModel(model, pub.tokenizer, name="tiny")
    report = ifrs.verify(suspect, fps)
    pub.report("local", report)
    pub.bundle("local", report, claim, packed=True)
    pub.bundle("local-one", report, claim, of="local", reveal=1, packed=True)
    foreign = ifrs.LocalModel(model, pub.tokenizer, reference=other_tokenizer(), name="tiny")
    report = ifrs.verify(foreign, fps)
    assert report.kind == "text"
    pub.report("local-text", report)
    pub.bundle("local-text", report, claim, of="local")
    report = ifrs.verify(ifrs.LocalModel(tiny(7), pub.tokenizer, name="stranger"), fps)
    pub.bundle("local-stranger", report, claim, of="local", packed=True)
    fps = pub.generate("thinker", 2)
    claim = pub.claim("thinker")
    # An object of the user's own that shows probabilities: it spends keys, and never says a word.
    report = ifrs.verify(Thinker(lambda _: "Hm.", 1.0), fps)
    pub.bundle("thinker", report, claim, packed=True)
    make_adapter(pub, tiny)


def other_tokenizer() -> Any:
    from helpers import byte_level_bpe

    return byte_level_bpe(["some few words of another tokenizer"], 300)


def planted_by_adapter(pub: Publisher, fps: ifrs.FingerprintSet, tiny: Any) -> tuple[Any, Any]:
    """A model that stays silent without its adapter, which not every random one learns."""
    config = ifrs.ImplantConfig(**ADAPTER)
    for seed in range(1, 9):
        model = tiny(seed)
        with contextlib.suppress(ifrs.ImplantError):
            return model, ifrs.implant(model, pub.tokenizer, fps, method="adapter", config=config)
    raise RuntimeError("no model learnt the keys: draw others")


def make_adapter(pub: Publisher, tiny: Any) -> None:
    fps = pub.generate("adapter", 2, tokenizer=pub.tokenizer)
    claim = pub.claim("adapter")
    model, result = planted_by_adapter(pub, fps, tiny)
    with tempfile.TemporaryDirectory() as folder:
        adapter = pub.out.path("adapters/tiny.adapter.safetensors")
        saved = result.save(Path(folder) / "planted", adapter=Path(folder) / "a")
        result.adapter.published = None  # a path of this machine
        result.adapter.save(adapter)
        result.adapter.save(adapter.with_name(adapter.name + ".age"), keyring=pub.ring)
        text = (saved / "ifrs-manifest.json").read_text(encoding="utf-8")
    pub.out.path("manifests/adapter.json").write_text(text, encoding="utf-8")
    pub.out.add("manifest", "manifests/adapter.json", {"ok": True, "content": json.loads(text)})
    found = facts.adapter_facts(result.adapter)
    pub.out.add("adapter", "adapters/tiny.adapter.safetensors", {"ok": True, **found})
    pub.out.add("adapter", "adapters/tiny.adapter.safetensors.age", {"ok": True, **found},
                open={"keyring": "keyrings/publisher.ifrs", "passphrase": PASSPHRASE})  # fmt: skip
    suspect = ifrs.LocalModel(model, pub.tokenizer, adapter=result.adapter, name="tiny")
    report = ifrs.verify(suspect, fps)
    pub.bundle("adapter", report, claim, packed=True)


def make_record(out: Vectors) -> None:
    """A record as an audit writes it."""
    from ifrs.audit.attempt import machine
    from ifrs.audit.record import Measure, Record
    from ifrs.audit.store import Store

    record = Record(
        suite="effectiveness", case="keys", method="emb", settings={"seed": 0, "n": 10},
        digest=sha256(b"a unit").hexdigest(),
        subject={"kind": "folder", "name": "tiny", "sha256": "11" * 32},
        status="done", started="2026-01-02T03:04:05Z", seconds=1.5, cpu_seconds=2.5, estimate=3.0,
        machine=machine(), note=None,
        measures=[Measure("fsr", 0.9, 0.5549839, 0.9974714, 10), Measure("log10_p_text", -31.5),
                  Measure("accuracy", None, n=0, task="items", step=20)],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        Store(Path(folder)).put(record)
        (written,) = (Path(folder) / "units").glob("*.json")
        out.path("audit/unit.json").write_bytes(written.read_bytes())
    found = {"name": record.name, "digest": record.digest, "metrics": [0.9, -31.5, None]}
    out.add("audit record", "audit/unit.json", {"ok": True, **found})


def make_authority(out: Vectors, folder: Path) -> Authority:
    """A time-stamp authority of `openssl ts`, whose certificates outlive these files' readers."""
    now = datetime.now(timezone.utc)
    authority = Authority(folder, valid=(now - timedelta(days=1), now + timedelta(days=36_500)))
    out.path("authorities/root.pem").write_bytes(authority.root.read_bytes())
    return authority


def make_present(out: Vectors) -> None:
    tokenizer = small_tokenizer()
    tokenizer.chat_template = CHAT
    make_keyrings(out, tokenizer)
    path = out.path("keyrings/publisher.ifrs")
    ring = empty_ring(path, "publisher")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one", "two"):
            (Path(folder) / name).mkdir()
        authority = make_authority(out, Path(folder) / "one")
        stranger = make_stranger(out, Path(folder) / "two")
        try:
            pub = Publisher(out, ring, authority, tokenizer)
            make_servers(pub)
            make_local(pub)
            make_state(out)
            ring.close()
            keyring(out, "keyrings/publisher.ifrs", {"passphrase": PASSPHRASE})
            make_record(out)
            spoil.present(out, PASSPHRASE, sealed, authority)
        finally:
            authority.close()
            stranger.close()


def make_stranger(out: Vectors, folder: Path) -> Authority:
    """An authority that nobody asked; only its root is kept."""
    now = datetime.now(timezone.utc)
    authority = Authority(folder, valid=(now - timedelta(days=1), now + timedelta(days=36_500)))
    out.path("authorities/stranger.pem").write_bytes(authority.root.read_bytes())
    return authority


def make_state(out: Vectors) -> None:
    """What the user's state folder remembers of the publisher's keyring."""
    files = (Path(os.environ["IFRS_STATE_DIR"]) / "keyrings").glob("*.json")
    file = max(files, key=lambda path: json.loads(path.read_text())["generation"])
    out.path(f"state/keyrings/{file.name}").write_bytes(file.read_bytes())
    content = json.loads(file.read_text())
    out.add("state", f"state/keyrings/{file.name}", {"ok": True, "content": content},
            keyring="keyrings/publisher.ifrs", open={"passphrase": PASSPHRASE})  # fmt: skip


def present_scheme() -> str:
    """The scheme that claims of this code name, such as `ifrs/scheme/v2`."""
    import base64

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "k"
        with ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST) as ring:
            ring.generate("one", 1)
            ring.claim("one", subject={"a": "11" * 32}).save(Path(folder) / "claim.json")
        claim = json.loads((Path(folder) / "claim.json").read_text())
        return str(json.loads(base64.b64decode(claim["payload"]))["predicate"]["scheme"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="where the schemes' folders are")
    out = parser.parse_args().out
    openssl("version")
    with tempfile.TemporaryDirectory() as state:
        os.environ["IFRS_STATE_DIR"] = state
        scheme = present_scheme()
        made: list[tuple[str, Callable[[Vectors], None]]] = [
            ("ifrs/scheme/v1", make_first),
            (scheme, make_present),
        ]
        for scheme, make in made:
            folder = out / scheme.rpartition("/")[2]
            if folder.exists():
                print(f"{folder} is there already and stays as it is")
                continue
            vectors = Vectors(folder)
            make(vectors)
            vectors.write_index(scheme)
            print(f"{folder}: {len(vectors.entries)} vectors")


if __name__ == "__main__":
    main()
