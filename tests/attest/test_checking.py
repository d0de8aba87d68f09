"""`check`: it believes nothing, names what is wrong, and never falls over."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import math
import random
import subprocess
import sys
import time

import ifrs
import pytest
from alterations import altered
from helpers import FAST, secrets_of
from witnesses import WEIGHTS, Speaker, Thinker, knows, make_case


@pytest.mark.parametrize("likelihood", [False, True])
def test_honest_evidence_holds(ring, tmp_path, likelihood):
    case = make_case(ring, tmp_path, likelihood=likelihood)
    result = case.check(publisher_key=ring.public_key)
    assert result.ok, result.problems
    assert result.problems == []
    assert result.verdict == "match"
    assert result.evidence == ("likelihood" if likelihood else "text")
    # Of text, check draws decoys of its own, and one of them may stand within a right answer.
    near = 1e-9 if likelihood else 0.1
    assert math.isclose(result.log10_p, case.report.log10_p, rel_tol=near)
    assert math.isclose(result.bits, -math.log2(result.p_value), rel_tol=1e-6)
    assert len(result.queries) == 6
    assert (result.silent, result.fired) == (0, 6)
    assert result.precedes_release is None


def test_only_what_is_revealed_is_in_the_bundle(ring, tmp_path):
    case = make_case(ring, tmp_path, n=8, reveal=3)
    text = case.bundle_path.read_text()
    hidden = [s for i in range(3, 8) for s in (case.fps[i].key, case.fps[i].response)]
    assert len(case.check().queries) == 3
    assert not [secret for secret in hidden if secret in text]
    assert not any(case.fps.salt(i) in text for i in range(3, 8))
    assert all(case.fps[i].key in text for i in range(3))
    result = case.check()
    assert result.ok
    # Three of eight keys: whenever one stops, the e-process holds.
    assert math.isclose(result.log10_p, -result.log10_e)
    assert not [s for s in secrets_of(case.fps) if s in repr(result)]


def test_more_decoys_make_stronger_evidence(ring, tmp_path):
    fps = ring.generate("release", 4)
    claim = ring.claim("release", subject=WEIGHTS)
    claim.save(tmp_path / "claim.json")
    found = []
    for decoys in (4095, 65_535, 1000):
        report = ifrs.verify(Speaker(knows(fps)), fps, sequential=False, decoys=decoys)
        report.evidence(claim).save(tmp_path / "bundle.json")
        result = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
        assert result.ok, result.problems
        found.append(result.queries[0]["ranks"])
    # Any other number is ranked anew among the smaller one.
    assert found == [[[1, 4096]], [[1, 65_536]], [[1, 4096]]]


def test_leaving_out_what_failed_does_not_help(ring, tmp_path):
    fps = ring.generate("release", 8)
    claim = ring.claim("release", subject=WEIGHTS)
    answer = knows(fps)
    failing = {fps[i].prompt for i in (0, 2)}
    suspect = Speaker(lambda prompt: "no" if prompt in failing else answer(prompt))
    report = ifrs.verify(suspect, fps, sequential=False)
    shown = copy.deepcopy(report)
    shown.queries = [query for query in shown.queries if query.index not in (0, 2)]
    claim.save(tmp_path / "claim.json")
    results = []
    for name, one in (("all", report), ("picked", shown)):
        one.evidence(claim).save(tmp_path / name)
        results.append(ifrs.check(tmp_path / name, tmp_path / "claim.json"))
    assert all(result.ok for result in results)
    assert results[1].silent == 2
    assert results[1].log10_p >= results[0].log10_p
    assert results[1].log10_e <= results[0].log10_e


def test_strangers_and_faded_descendants(ring, tmp_path):
    case = make_case(ring, tmp_path, n=10, suspect=Speaker(lambda prompt: "I cannot say."))
    result = case.check()
    assert result.ok
    assert result.verdict == "no match"
    assert result.p_value > 1e-3
    fps = ring.generate("faded", 10)
    claim = ring.claim("faded", subject=WEIGHTS)
    claim.save(tmp_path / "claim-2.json")
    report = ifrs.verify(Thinker(lambda _: "Hm.", 0.5, seed=1), fps)
    report.evidence(claim).save(tmp_path / "bundle-2.json")
    result = ifrs.check(tmp_path / "bundle-2.json", tmp_path / "claim-2.json")
    assert result.ok
    assert (result.verdict, result.fired) == ("match", 0)


def test_compression_goes_by_the_name(ring, tmp_path):
    case = make_case(ring, tmp_path, likelihood=True)
    bundle = case.report.evidence(case.claim)
    bundle.save(tmp_path / "bundle.json.gz")
    packed = (tmp_path / "bundle.json.gz").read_bytes()
    assert packed[:2] == b"\x1f\x8b"
    assert ifrs.check(tmp_path / "bundle.json.gz", case.claim_path).ok
    assert ifrs.Evidence.load(tmp_path / "bundle.json.gz").to_json() == bundle.to_json()
    for damaged in (packed[:-9], packed[:40], packed + b"x", gzip.compress(b"")):
        (tmp_path / "damaged.gz").write_bytes(damaged)
        assert not ifrs.check(tmp_path / "damaged.gz", case.claim_path).ok


def test_spaces_and_order_of_names_do_not_matter(ring, tmp_path):
    case = make_case(ring, tmp_path)
    bundle = json.loads(case.bundle_path.read_text())
    turned = json.dumps(dict(reversed(bundle.items())), ensure_ascii=True)
    case.bundle_path.write_text(turned)
    claim = json.loads(case.claim_path.read_text())
    case.claim_path.write_text(json.dumps(dict(reversed(claim.items()))))
    assert case.check().ok


def must_fail(case, path) -> None:
    result = case.check()
    assert not result.ok, path
    assert all(isinstance(problem, str) and problem for problem in result.problems), path


@pytest.mark.parametrize("likelihood", [False, True])
def test_every_field_of_a_bundle(ring, tmp_path, likelihood):
    case = make_case(ring, tmp_path, n=3, reveal=2, likelihood=likelihood)
    tree = json.loads(case.bundle_path.read_text())
    count = 0
    for path, changed in altered(tree):
        case.bundle_path.write_text(json.dumps(changed))
        must_fail(case, path)
        count += 1
    assert count > 300


def test_every_field_of_a_claim(ring, tmp_path):
    case = make_case(ring, tmp_path, n=3, reveal=2)
    tree = json.loads(case.claim_path.read_text())
    for path, changed in altered(tree):
        case.claim_path.write_text(json.dumps(changed))
        must_fail(case, path)
    statement = json.loads(base64.b64decode(tree["payload"]))
    count = 0
    for path, changed in altered(statement):
        payload = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
        other = {**tree, "payload": base64.b64encode(payload).decode()}
        case.claim_path.write_text(json.dumps(other))
        must_fail(case, path)
        count += 1
    assert count > 100


def test_reasons_are_named(ring, tmp_path):
    case = make_case(ring, tmp_path, n=4)
    tree = json.loads(case.bundle_path.read_text())
    one = tree["queries"][1]
    for change, says in (
        (lambda t: t["queries"][1].update(salt="00" * 32), "query 1: its prompt and salt"),
        (lambda t: t["queries"][1]["proof"].reverse(), "query 1: its prompt and salt"),
        (lambda t: t["queries"][1].update(response="copper window"), "query 1: its response"),
        (lambda t: t["queries"][1].update(answer=one["answer"][:-9]), "query 1: its answer is not"),
        (
            lambda t: t["queries"][1].update(answer="It says: nothing."),
            "query 1: its answer is not",
        ),
        (lambda t: t["queries"][1].update(rank=[2]), "query 1: its rank"),
        (lambda t: t["queries"][1].update(score=0.5), "query 1: its score"),
        (lambda t: t["queries"][1].update(log10_p=-9.0), "query 1: its p-value"),
        (lambda t: t["queries"][1]["asked"].update(request={}), "query 1: its request"),
        (lambda t: t.update(test="sequential"), "result: its p-value"),
        (lambda t: t.update(decoys=65_535), "query 0: its rank"),
        (lambda t: t.update(decoys=1023), "number of decoys"),
        (lambda t: t["queries"][1]["asked"].pop("time"), "bundle cannot be read"),
        (lambda t: t["queries"][1]["asked"].update(time="noon"), "query 1: it does not say when"),
        (lambda t: t["queries"].reverse(), "in order"),
        (lambda t: t["queries"].pop(1), "result: its p-value"),
        (lambda t: t["queries"].clear(), "in order"),
        (lambda t: t["result"].update(verdict="no match"), "result: its verdict"),
        (lambda t: t["result"].update(p_value=1e-99), "result: its p-value"),
        (lambda t: t["template"].update(before="x"), "template"),
        (lambda t: t["target"].update(name="another"), "altered after it was made"),
        (lambda t: t.update(format="ifrs/evidence/v9"), "format"),
    ):
        changed = copy.deepcopy(tree)
        change(changed)
        case.bundle_path.write_text(json.dumps(changed))
        problems = case.check().problems
        assert any(says in problem for problem in problems), (says, problems)


def test_another_claim_and_another_publisher(ring, tmp_path):
    case = make_case(ring, tmp_path)
    other = ifrs.Keyring.create(tmp_path / "other", passphrase="x", _work_factor=FAST)
    result = case.check(publisher_key=other.public_key)
    assert not result.ok
    assert "another publisher" in result.problems[0]
    # The same set, claimed again about other files: a swapped subject.
    again = ring.claim("release", subject={"stolen.safetensors": "33" * 32})
    again.save(tmp_path / "again.json")
    result = ifrs.check(case.bundle_path, tmp_path / "again.json")
    assert any("another claim" in problem for problem in result.problems)
    other.generate("release", 6)
    with pytest.raises(ifrs.EvidenceError, match="another set"):
        case.report.evidence(other.claim("release", subject=WEIGHTS))


def test_the_released_model_is_compared(ring, tmp_path):
    folder = tmp_path / "released"
    folder.mkdir()
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(name.encode())
    fps = ring.generate("one", 3)
    claim = ring.claim("one", subject=folder)
    claim.save(tmp_path / "claim.json")
    ifrs.verify(Speaker(knows(fps)), fps).evidence(claim).save(tmp_path / "bundle.json")
    paths = tmp_path / "bundle.json", tmp_path / "claim.json"
    assert ifrs.check(*paths, model=folder).ok
    (folder / "b.safetensors").write_bytes(b"swapped")
    (folder / "c.safetensors").write_bytes(b"new")
    assert ifrs.check(*paths, model=folder).problems == [
        "subject: b.safetensors is not as it was claimed",
        "subject: c.safetensors is not as it was claimed",
    ]
    assert "no model" in ifrs.check(*paths, model=tmp_path / "none").problems[0]


def test_a_thousand_mutated_bundles(ring, tmp_path):
    case = make_case(ring, tmp_path, n=3, reveal=2)
    whole = case.bundle_path.read_bytes()
    meaning = json.loads(whole)
    dice = random.Random(1)
    for _ in range(1000):
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place, kind = dice.randrange(len(changed)), dice.randrange(4)
            if kind == 0:
                changed[place] ^= 1 << dice.randrange(8)
            elif kind == 1:
                del changed[place : place + dice.randint(1, 300)]
            elif kind == 2:
                changed[place:place] = changed[dice.randrange(len(changed)) :][
                    : dice.randint(1, 99)
                ]
            else:
                changed[place] = dice.choice(b'{}[]",:0-9e\\u\xff')
            if not changed:
                break
        case.bundle_path.write_bytes(changed)
        result = case.check()
        if result.ok:
            assert json.loads(changed) == meaning


def test_bundles_that_are_none(ring, tmp_path):
    case = make_case(ring, tmp_path)
    deep = b'{"format":"ifrs/evidence/v1","claim":' + b"[" * 100_000
    for data in (b"", b"null", b"{}", b"\xff\xfe", deep, b'{"a":1,"a":1}'):
        case.bundle_path.write_bytes(data)
        result = case.check()
        assert not result.ok
        assert "bundle cannot be read" in result.problems[0]
        assert result.p_value == 1
    case.bundle_path.unlink()
    with pytest.raises(OSError, match="No such"):
        case.check()
    for reveal in (0, -1):
        with pytest.raises(ValueError, match="reveal"):
            case.report.evidence(case.claim, reveal=reveal)
    with pytest.raises(TypeError, match="reveal"):
        case.report.evidence(case.claim, reveal="all")
    with pytest.raises(ifrs.EvidenceError, match="no claim"):
        case.report.evidence(None)


def test_reports_read_from_a_file_make_the_same_evidence(ring, tmp_path):
    case = make_case(ring, tmp_path, likelihood=True)
    case.report.save(tmp_path / "report.json")
    again = ifrs.Report.load(tmp_path / "report.json").evidence(case.claim_path).to_json()
    bundle = json.loads(case.bundle_path.read_text())
    for tree in (again, bundle):
        tree.pop("created")
        tree.pop("digest")
    assert again == bundle


def test_checking_is_fast_and_needs_no_torch(ring, tmp_path):
    case = make_case(ring, tmp_path, n=64, likelihood=True)
    speaker = ifrs.verify(Speaker(knows(case.fps)), case.fps, sequential=False)
    speaker.evidence(case.claim).save(tmp_path / "text.json")
    code = f"""
import sys, time
for name in ("torch", "transformers", "numpy", "httpx2", "socket"):
    sys.modules[name] = None  # importing it raises ImportError
import ifrs
for bundle in ({str(case.bundle_path)!r}, {str(tmp_path / "text.json")!r}):
    started = time.perf_counter()
    result = ifrs.check(bundle, {str(case.claim_path)!r})
    print(result.ok, len(result.queries), time.perf_counter() - started)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [["True", "64"]] * 2
    print([line[2] for line in lines], time.strftime("%X"))
