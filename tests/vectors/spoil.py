"""Makes the bad vectors from the honest ones: one change each, and what a reader must find."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import math
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import ifrs

HERE = Path(__file__).resolve().parent


def bad(out: Any, kind: str, file: str, problems: list[str], **fields: Any) -> None:
    """Writes down that a reader refuses a file, and for what."""
    known = json.loads((HERE / "words.json").read_text(encoding="utf-8"))["problems"]
    assert set(problems) <= set(known), problems
    out.add(kind, file, {"ok": False, "problems": problems}, **fields)


# Keyrings, sealed sets, shares


def first_keyrings(
    out: Any, payload: dict[str, Any], sealed: Callable[[Any], bytes], passphrase: str
) -> None:
    how = {"passphrase": passphrase}
    sets = payload["sets"]
    changes: dict[str, dict[str, Any]] = {
        "two-sets-of-one-name": {"sets": [sets[0], sets[0]]},
        "a-short-seed": {"seed": payload["seed"][:-2]},
        "an-unknown-field": {"more": 1},
        "too-few-stored-keys": {"sets": [{**sets[3], "n": 3}]},
        "no-fingerprints": {"sets": [{**sets[0], "n": 0}]},
        "an-unknown-source": {"sets": [{**sets[0], "source": "klingon"}]},
    }
    for name, change in changes.items():
        file = f"bad/keyring-{name}.ifrs"
        out.path(file).write_bytes(sealed({**payload, **change}))
        bad(out, "keyring", file, ["damaged"], open=how)
    file = "bad/keyring-of-a-later-version.ifrs"
    out.path(file).write_bytes(sealed({**payload, "format": "ifrs/keyring/v99"}))
    bad(out, "keyring", file, ["later-version"], open=how)
    whole = "keyrings/passphrase.ifrs"
    out.path("bad/keyring-cut.ifrs").write_bytes(out.path(whole).read_bytes()[:-1])
    bad(out, "keyring", "bad/keyring-cut.ifrs", ["damaged"], open=how)
    bad(out, "keyring", whole, ["wrong-credential"], open={"passphrase": "another"})


def present(out: Any, passphrase: str, sealed: Callable[[Any], bytes], authority: Any) -> None:
    """The bad vectors of the present scheme."""
    keyrings(out, passphrase, sealed)
    sealed_sets(out, sealed, passphrase)
    shares(out)
    claims(out)
    reports(out)
    adapters(out)
    records(out)
    bundles(out)
    likelihood_bundles(out)
    stamps(out)


def opened(path: Path, sealed_bytes: bytes, **how: Any) -> Any:
    """The content of an age file, read with what opens a keyring."""
    before = os.environ["IFRS_STATE_DIR"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = folder
        try:
            with ifrs.Keyring.open(path, **how) as ring:
                return json.loads(ring.unseal(sealed_bytes))
        finally:
            os.environ["IFRS_STATE_DIR"] = before
            path.with_name(path.name + ".lock").unlink(missing_ok=True)


def keyrings(out: Any, passphrase: str, sealed: Callable[[Any], bytes]) -> None:
    path = out.path("keyrings/upgraded.ifrs")
    how = {"passphrase": passphrase}
    whole = path.read_bytes()
    payload = opened(path, whole, **how)
    flipped = bytearray(whole)
    flipped[-40] ^= 1
    costly = whole.replace(b" 2\n", b" 30\n", 1)
    assert costly != whole
    for name, data, problem in (
        ("flipped", bytes(flipped), "damaged"),
        ("cut", whole[:-20], "damaged"),
        ("empty", b"", "damaged"),
        ("plain", json.dumps(payload).encode(), "damaged"),
        ("costly", costly, "too-costly"),
    ):
        out.path(f"bad/keyring-{name}.ifrs").write_bytes(data)
        bad(out, "keyring", f"bad/keyring-{name}.ifrs", [problem], open=how)
    journal = payload["journal"]
    another = {**journal[1], "event": "removed"}
    for name, changed in (
        ("altered", [journal[0], another, *journal[2:]]),
        ("shortened", journal[1:]),
        ("reordered", [journal[1], journal[0], *journal[2:]]),
    ):
        file = f"bad/keyring-journal-{name}.ifrs"
        out.path(file).write_bytes(sealed({**payload, "journal": changed}))
        bad(out, "keyring", file, ["damaged"], open=how)
    file = "bad/keyring-of-a-later-version.ifrs"
    out.path(file).write_bytes(sealed({**payload, "format": "ifrs/keyring/v99"}))
    bad(out, "keyring", file, ["later-version"], open=how)
    for other in ({"passphrase": "another"}, {"identity": "identities/licensee.txt"}):
        file = "keyrings/officer.ifrs" if "identity" in other else "keyrings/upgraded.ifrs"
        bad(out, "keyring", file, ["wrong-credential"], open=other)


def sealed_sets(out: Any, sealed: Callable[[Any], bytes], passphrase: str) -> None:
    how = {"passphrase": passphrase}
    path = out.path("sets/acme-passphrase.age")
    payload = opened(out.path("keyrings/upgraded.ifrs"), path.read_bytes(), **how)
    held = payload["set"]
    keyless = {name: value for name, value in held.items() if name != "set_key"}
    for name, change, problem in (
        ("of-a-later-version", {"format": "ifrs/set/v99"}, "later-version"),
        ("with-a-spent-key-outside", {"spent": [2]}, "damaged"),
        ("without-its-key", {"set": keyless}, "damaged"),
        ("with-a-short-key", {"set": {**held, "set_key": "00"}}, "damaged"),
        ("with-an-unknown-field", {"more": 1}, "damaged"),
    ):
        file = f"bad/set-{name}.age"
        out.path(file).write_bytes(sealed({**payload, **change}))
        bad(out, "sealed set", file, [problem], open=how)
    out.path("bad/set-cut.age").write_bytes(sealed(payload)[:-1])
    bad(out, "sealed set", "bad/set-cut.age", ["damaged"], open=how)
    bad(out, "sealed set", "sets/acme.age", ["wrong-credential"],
        open={"identity": "identities/holder-1.txt"})  # fmt: skip


def age(*arguments: object, data: bytes | None = None) -> bytes:
    words = ["age", *map(str, arguments)]
    return subprocess.run(words, input=data, check=True, capture_output=True).stdout


def shares(out: Any) -> None:
    holder, public = out.path("identities/holder-1.txt"), ""
    for line in holder.read_text().splitlines():
        public = line.rpartition(" ")[2] if "public key" in line else public
    share = json.loads(age("-d", "-i", holder, out.path("shares/share-1.age")))
    how = {"identities": [f"identities/holder-{i}.txt" for i in (1, 2)]}
    rest = "shares/share-2.age"
    digits = "f" if share["value"][-1] == "0" else "0"
    for name, change, problem in (
        ("of-a-later-version", {"format": "ifrs/share/v99"}, "later-version"),
        ("of-another-split", {"split": "00" * 16}, "other-split"),
        ("altered", {"value": share["value"][:-1] + digits}, "other-split"),
    ):
        file = f"bad/share-{name}.age"
        text = json.dumps({**share, **change}).encode()
        out.path(file).write_bytes(age("-r", public, data=text))
        bad(out, "shares", file, [problem], shares=[file, rest], open=how)
    first = "shares/share-1.age"
    bad(out, "shares", first, ["too-few-shares"], shares=[first], open=how)
    bad(out, "shares", first, ["too-few-shares"], shares=[first, first], open=how)
    bad(out, "shares", "shares/share-3.age", ["wrong-credential"],
        shares=[first, "shares/share-3.age"], open=how)  # fmt: skip


# Claims


def statement(payload: Any, change: Callable[[Any], None]) -> str:
    """The payload of a claim with a change to its statement, written in the one way allowed."""
    tree = json.loads(base64.b64decode(payload))
    change(tree)
    text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()


def claims(out: Any) -> None:
    tree = json.loads(out.path("claims/chat.json").read_text())
    sig = tree["signatures"][0]
    payload = tree["payload"]
    spaced = base64.b64encode(json.dumps(json.loads(base64.b64decode(payload))).encode()).decode()
    turned = base64.b64encode(bytes([base64.b64decode(sig["sig"])[0] ^ 1]) +
                              base64.b64decode(sig["sig"])[1:]).decode()  # fmt: skip

    def stated(change: Callable[[Any], None]) -> dict[str, Any]:
        return {**tree, "payload": statement(payload, change)}

    def predicate(**changes: Any) -> dict[str, Any]:
        return stated(lambda t: t["predicate"].update(changes))

    small = "01" + "00" * 31
    for name, changed, problem in (
        ("statement-altered", predicate(created="2020-01-01T00:00:00Z"), "signature"),
        ("root-altered", predicate(root="00" * 32), "signature"),
        ("signature-altered", {**tree, "signatures": [{**sig, "sig": turned}]}, "signature"),
        ("keyid-altered", {**tree, "signatures": [{**sig, "keyid": "00" * 32}]}, "signature"),
        ("two-signatures", {**tree, "signatures": [sig, sig]}, "unreadable-claim"),
        ("no-signature", {**tree, "signatures": []}, "unreadable-claim"),
        ("payload-type", {**tree, "payloadType": "text/plain"}, "unreadable-claim"),
        ("unknown-field", {**tree, "more": 1}, "unreadable-claim"),
        ("statement-spelled-otherwise", {**tree, "payload": spaced}, "unreadable-claim"),
        (
            "predicate-unknown",
            stated(lambda t: t.update(predicateType="urn:x")),
            "unreadable-claim",
        ),
        ("scheme-unknown", predicate(scheme="ifrs/scheme/v99"), "unreadable-claim"),
        ("subject-unsorted", stated(lambda t: t["subject"].reverse()), "unreadable-claim"),
        ("subject-empty", stated(lambda t: t["subject"].clear()), "unreadable-claim"),
        ("no-fingerprints", predicate(n=0), "unreadable-claim"),
        ("time-with-a-fraction", predicate(created="2026-01-01T00:00:00.5Z"), "unreadable-claim"),
        ("small-order-key", predicate(publisher=small), "no-public-key"),
        ("stamp-no-base64", {**tree, "timestamp": "?"}, "unreadable-claim"),
    ):
        file = f"bad/claim-{name}.json"
        out.path(file).write_text(json.dumps(changed, indent=2) + "\n", encoding="utf-8")
        bad(out, "claim", file, [problem])
    text = json.dumps(tree)
    for name, data in (
        ("cut", text[:-2]),
        ("name-twice", text[:-1] + f', "payload": "{payload}"}}'),
        ("no-json", "claim"),
    ):
        out.path(f"bad/claim-{name}.json").write_text(data)
        bad(out, "claim", f"bad/claim-{name}.json", ["unreadable-claim"])
    options = {"publisher_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}
    bad(out, "claim", "claims/chat.json", ["other-publisher"], options=options)


# Reports, adapters, records


def reports(out: Any) -> None:
    whole = out.path("reports/shared.json").read_text()
    tree = json.loads(whole)
    less = {name: value for name, value in tree.items() if name != "queries"}
    query = copy.deepcopy(tree)
    query["queries"][0].pop("index")
    for name, data, problem in (
        ("of-a-later-version", json.dumps({**tree, "format": "ifrs/report/v99"}), "later-report"),
        ("without-queries", json.dumps(less), "unreadable-report"),
        ("with-a-query-cut", json.dumps(query), "unreadable-report"),
        ("with-an-unknown-field", json.dumps({**tree, "more": 1}), "unreadable-report"),
        ("cut", whole[:-10], "unreadable-report"),
        ("a-list", "[]", "unreadable-report"),
    ):
        out.path(f"bad/report-{name}.json").write_text(data)
        bad(out, "report", f"bad/report-{name}.json", [problem])


def adapters(out: Any) -> None:
    import torch
    from safetensors.torch import load, save

    whole = out.path("adapters/tiny.adapter.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])["__metadata__"]["ifrs"]
    tensors = load(whole)
    later = json.dumps({**json.loads(header), "format": "ifrs/adapter/v99"})
    thin = {**tensors, "up": tensors["up"][:, :-1].contiguous()}
    with tempfile.TemporaryDirectory() as folder:
        torch.save(tensors, Path(folder) / "pickle")
        pickled = (Path(folder) / "pickle").read_bytes()
    for name, data, problem in (
        ("of-a-later-version", save(tensors, metadata={"ifrs": later}), "later-adapter"),
        ("without-metadata", save(tensors), "unreadable-adapter"),
        ("with-other-shapes", save(thin, metadata={"ifrs": header}), "adapter-shapes"),
        ("cut", whole[:-4], "unreadable-adapter"),
        ("pickled", pickled, "pickle"),
    ):
        file = f"bad/adapter-{name}.safetensors"
        out.path(file).write_bytes(data)
        bad(out, "adapter", file, [problem])


def records(out: Any) -> None:
    tree = json.loads(out.path("audit/unit.json").read_text())
    less = {name: value for name, value in tree.items() if name != "machine"}
    for name, changed in (
        ("of-a-later-version", {**tree, "format": "ifrs/audit/v99"}),
        ("without-a-machine", less),
    ):
        out.path(f"bad/record-{name}.json").write_text(json.dumps(changed))
        bad(out, "audit record", f"bad/record-{name}.json", ["unreadable-record"])


# Bundles


def number(value: float) -> str:
    """As a bundle's digest has it: the shortest digits; fixed from 1e-5 on and below 1e16."""
    if value == 0 or 1e-5 <= abs(value) < 1e16:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent)}"


def canonical(value: Any) -> str:
    """Compact JSON with sorted names."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        pairs = (f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value))
        return "{" + ",".join(pairs) + "}"
    return json.dumps(value, ensure_ascii=False)


def digest(tree: dict[str, Any]) -> str:
    rest = {name: value for name, value in tree.items() if name != "digest"}
    return sha256(canonical(rest).encode()).hexdigest()


def write_bundle(out: Any, file: str, tree: dict[str, Any]) -> None:
    data = (json.dumps(tree, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
    out.path(file).write_bytes(gzip.compress(data, mtime=0) if file.endswith(".gz") else data)


def bundles(out: Any) -> None:
    """Changes to a bundle of two keys of four. Whoever alters it can mend its digest, too."""
    tree = json.loads(out.path("bundles/chat-two.json").read_text())
    assert digest(tree) == tree["digest"]
    one = tree["queries"][1]
    raw = one["asked"]["raw"]

    def asked(**changes: Any) -> Callable[[Any], None]:
        return lambda t: t["queries"][1]["asked"].update(changes)

    def query(**changes: Any) -> Callable[[Any], None]:
        return lambda t: t["queries"][1].update(changes)

    def result(**changes: Any) -> Callable[[Any], None]:
        return lambda t: t["result"].update(changes)

    silent = raw.replace(one["answer"], "I cannot say.")
    assert silent != raw
    told = raw.replace(one["answer"], "copper window")
    wanted = one["response"].split(" ")
    half = one["answer"].replace(one["response"], wanted[0])
    first = tree["queries"][0]["proof"]
    hidden = {"model": "suspect-7b", "messages": [{"role": "user", "content": "Hello"}]}
    changes: list[tuple[str, Callable[[Any], Any], str]] = [
        ("answer-altered", query(answer="It says: nothing."), "raw-answer"),
        ("answer-invented", query(answer=one["answer"] + "!"), "raw-answer"),
        ("both-answers-altered", lambda t: (query(answer="copper window")(t), asked(raw=told)(t)),
         "rank"),
        ("answer-halved", lambda t: (query(answer=half)(t),
                                     asked(raw=raw.replace(one["answer"], half))(t)), "rank"),
        ("raw-altered", asked(raw=silent), "raw-answer"),
        ("raw-missing", lambda t: t["queries"][1]["asked"].pop("raw"), "raw-answer"),
        ("request-of-another-prompt", asked(request=hidden), "request"),
        ("request-missing", lambda t: t["queries"][1]["asked"].pop("request"), "request"),
        ("time-missing", lambda t: t["queries"][1]["asked"].pop("time"), "time"),
        ("time-no-time", asked(time="yesterday"), "time"),
        ("salt-altered", query(salt="00" * 32), "leaf"),
        ("salt-short", query(salt="00"), "salt"),
        ("prompt-altered", query(prompt=one["prompt"] + " "), "leaf"),
        ("proof-of-another", query(proof=first), "leaf"),
        ("proof-reversed", lambda t: t["queries"][1]["proof"].reverse(), "leaf"),
        ("proof-cut", lambda t: t["queries"][1]["proof"].pop(), "leaf"),
        ("index-altered", query(index=2), "leaf"),
        ("response-altered", query(response="copper window"), "response"),
        ("rank-altered", query(rank=[2]), "rank"),
        ("candidates-altered", query(candidates=[65_536]), "rank"),
        ("fired-altered", query(fired=False), "score"),
        ("score-altered", query(score=0.5), "score"),
        ("p-value-altered", query(log10_p=-9.5), "query-p-value"),
        ("e-value-altered", query(cumulative_log10_e=9.5), "query-e-value"),
        ("queries-reversed", lambda t: t["queries"].reverse(), "order"),
        ("queries-doubled", lambda t: t["queries"].append(t["queries"][1]), "order"),
        ("queries-gone", lambda t: t["queries"].clear(), "order"),
        ("index-outside", query(index=4), "order"),
        ("template-altered", lambda t: t["template"].update(after=" ASSISTANT:"), "template"),
        ("decoys-100", lambda t: t.update(decoys=100), "decoys"),
        ("decoys-65535", lambda t: t.update(decoys=65_535), "rank"),
        ("verdict-altered", result(verdict="no match"), "result-verdict"),
        ("result-p-value-altered", result(p_value=1e-30), "result-p-value"),
        ("result-e-value-altered", result(log10_e=30.0), "result-e-value"),
        ("revealed-altered", result(revealed=4), "result-revealed"),
        ("silent-altered", result(silent=1), "result-silent"),
        ("fired-number-altered", result(fired=1), "result-fired"),
        ("alpha-one", result(alpha=1.0), "level"),
        ("kind-altered", lambda t: t.update(evidence="likelihood"), "word-scores"),
        ("test-unknown", lambda t: t.update(test="any"), "unreadable-bundle"),
        ("of-a-later-version", lambda t: t.update(format="ifrs/evidence/v99"), "unreadable-bundle"),
        ("unknown-field", lambda t: t.update(more=1), "unreadable-bundle"),
        ("unknown-field-in-a-query", query(more=1), "unreadable-bundle"),
        ("claim-altered", lambda t: t["claim"].update(payload=t["claim"]["payload"][:-8]),
         "other-claim"),
    ]  # fmt: skip
    for name, change, problem in changes:
        changed = copy.deepcopy(tree)
        change(changed)
        changed["digest"] = digest(changed)
        file = f"bad/bundle-{name}.json"
        write_bundle(out, file, changed)
        bad_bundle(out, file, [problem])
    left_out(out, tree)
    for name, change in (
        ("digest-altered", lambda t: t.update(digest="00" * 32)),
        ("target-altered", lambda t: t["target"].update(name="another")),
    ):
        changed = copy.deepcopy(tree)
        change(changed)
        write_bundle(out, f"bad/bundle-{name}.json", changed)
        bad_bundle(out, f"bad/bundle-{name}.json", ["digest"])
    text = out.path("bundles/chat-two.json").read_text()
    packed = gzip.compress(text.encode(), mtime=0)
    deep = '{"format":"ifrs/evidence/v1","claim":' + "[" * 2000
    for name, data, problem in (
        ("name-twice.json", text.replace('"decoys"', '"decoys": 4095, "decoys"', 1),
         "unreadable-bundle"),
        ("cut.json", text[:-20], "unreadable-bundle"),
        ("no-json.json", "a bundle", "unreadable-bundle"),
        ("empty.json", "", "unreadable-bundle"),
        ("deep.json", deep, "unreadable-bundle"),
        ("not-a-number.json", text.replace('"alpha": 1e-6', '"alpha": NaN'), "unreadable-bundle"),
        ("cut.json.gz", packed[:-9], "cut-off"),
        ("damaged.json.gz", packed[:40] + b"\xff" * 9 + packed[49:], "compression"),
        ("followed.json.gz", packed + b"x", "cut-off"),
    ):  # fmt: skip
        file = f"bad/bundle-{name}"
        out.path(file).write_bytes(data if isinstance(data, bytes) else data.encode())
        bad_bundle(out, file, [problem])
    other = {"publisher_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}
    bad_bundle(out, "bundles/chat-two.json", ["other-publisher"], options=other)
    bad_bundle(out, "bundles/chat-two.json", ["other-claim"], claim="claims/stamped.json")
    bad_bundle(out, "bundles/chat-two.json", ["unreadable-claim"], claim="bad/claim-cut.json")
    bad_bundle(out, "bundles/chat-two.json", ["signature"],
               claim="bad/claim-signature-altered.json")  # fmt: skip
    shutil.copytree(out.path("released"), out.folder / "bad" / "released")
    out.path("bad/released/model-2.safetensors").write_bytes(b"weights 3")
    bad_bundle(out, "bundles/chat.json", ["subject"], options={"model": "bad/released"})


def bad_bundle(
    out: Any, file: str, problems: list[str], *, claim: str = "claims/chat.json", **fields: Any
) -> None:
    bad(out, "bundle", file, problems, claim=claim, **fields)


def left_out(out: Any, tree: dict[str, Any]) -> None:
    """A key in between is taken out, and the numbers that follow from it stay as they were."""
    changed = json.loads(out.path("bundles/faded.json").read_text())
    changed["queries"] = [query for query in changed["queries"] if query["index"] != 5]
    changed["digest"] = digest(changed)
    write_bundle(out, "bad/bundle-key-left-out.json", changed)
    bad_bundle(
        out,
        "bad/bundle-key-left-out.json",
        ["result-revealed", "result-silent"],
        claim="claims/faded.json",
    )


def likelihood_bundles(out: Any) -> None:
    """Changes to a bundle of one key whose word scores are there."""
    whole = json.loads(gzip.decompress(out.path("bundles/local-one.json.gz").read_bytes()))
    query = whole["queries"][0]
    first, second = query["word_scores"]
    scores = list(struct.unpack("<2048f", base64.b64decode(first)))

    def packed(numbers: list[float]) -> str:
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()

    best = scores.index(max(scores))
    flat = [0.0] * 2048
    sunk = [score if place != best else -99.0 for place, score in enumerate(scores)]
    for name, changes, problem in (
        ("missing", None, "word-scores"),
        ("of-one-word", [first], "word-scores"),
        ("too-few", [packed(scores[:-1]), second], "word-scores"),
        ("no-base64", ["?", second], "word-scores"),
        ("not-a-number", [packed([math.nan, *scores[1:]]), second], "not-a-number"),
        ("altered", [packed(sunk), second], "rank"),
        ("flat", [packed(flat), packed(flat)], "rank"),
    ):
        changed = copy.deepcopy(whole)
        changed["queries"][0]["word_scores"] = changes
        changed["digest"] = digest(changed)
        file = f"bad/bundle-word-scores-{name}.json.gz"
        write_bundle(out, file, changed)
        bad_bundle(out, file, [problem], claim="claims/local.json")


# Time stamps


def stamps(out: Any) -> None:
    """The stamped claim and its bundle under other clocks, authorities and stamps."""
    roots = ["authorities/root.pem"]
    bundle, claim = "bundles/stamped.json", "claims/stamped.json"
    tree = json.loads(out.path(claim).read_text())
    stranger = {"tsa_roots": ["authorities/stranger.pem"]}
    bad_bundle(out, bundle, ["stamp-not-vouched-for"], claim=claim, options=stranger)
    before = {"tsa_roots": roots, "released": "2020-01-01"}
    bad_bundle(out, bundle, ["release"], claim=claim, options=before)
    bad_bundle(out, bundle, ["release"], claim=claim, options={"released": "2126-01-01"})
    bad_bundle(out, "bundles/chat.json", ["release"], claim="claims/chat.json",
               options={"tsa_roots": roots, "released": "2126-01-01"})  # fmt: skip
    early = json.loads(out.path(bundle).read_text())
    early["queries"][1]["asked"]["time"] = "2026-01-01T00:00:00Z"
    early["digest"] = digest(early)
    write_bundle(out, "bad/bundle-asked-before-the-stamp.json", early)
    bad_bundle(out, "bad/bundle-asked-before-the-stamp.json", ["stamp-after-query"], claim=claim,
               options={"tsa_roots": roots})  # fmt: skip
    # A stamp that was moved by hand to another claim.
    chat = json.loads(out.path("claims/chat.json").read_text())
    stamp = base64.b64decode(tree["timestamp"])
    middle = bytearray(stamp)
    middle[len(stamp) - 20] ^= 1  # in the authority's signature
    for name, to, moved, problem in (
        ("of-another", chat, stamp, "stamp-of-another"),
        ("cut", tree, stamp[:-40], "stamp-malformed"),
        ("altered", tree, bytes(middle), "stamp-not-vouched-for"),
    ):
        file = f"bad/claim-stamp-{name}.json"
        changed = {**to, "timestamp": base64.b64encode(moved).decode()}
        out.path(file).write_text(json.dumps(changed, indent=2) + "\n")
        held = "bundles/chat.json" if to is chat else bundle
        made = json.loads(out.path(held).read_text())
        made["claim"] = changed
        made["digest"] = digest(made)
        write_bundle(out, f"bad/bundle-stamp-{name}.json", made)
        bad_bundle(out, f"bad/bundle-stamp-{name}.json", [problem], claim=file,
                   options={"tsa_roots": roots})  # fmt: skip
