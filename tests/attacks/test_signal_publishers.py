"""Publishers who would choose among the answers to a domain's questions."""

import copy
import json
from hashlib import sha256

import ifrs
import pytest
from preferring import Preferring, Saying
from stage import canonical

SIGNAL = {"source": "domain", "response": "signal"}


def bundle_of(folder, ring, name="n", suspect_of=Preferring, **options):
    fps = ring[name]
    claim = ring.claim(name, subject={"weights": "00" * 32})
    (folder / "claim.json").unlink(missing_ok=True)
    claim.save(folder / "claim.json")
    report = ifrs.verify(suspect_of(fps), fps, **options)
    report.evidence(claim).save(folder / "bundle.json")
    return json.loads((folder / "bundle.json").read_text(encoding="utf-8"))


def checked(folder, tree):
    (folder / "bundle.json").write_text(json.dumps(tree), encoding="utf-8")
    return ifrs.check(folder / "bundle.json", folder / "claim.json")


def sealed(tree):
    """A bundle whose digest is that of what it says now."""
    body = {name: part for name, part in tree.items() if name != "digest"}
    return {**body, "digest": sha256(canonical(body).encode()).hexdigest()}


def left_out(tree):
    del tree["queries"][0]["further"][5]


def repeated(tree):
    further = tree["queries"][0]["further"]
    further[5] = copy.deepcopy(further[6])


def in_another_order(tree):
    further = tree["queries"][0]["further"]
    further[5], further[6] = further[6], further[5]


def another_answer(tree):
    tree["queries"][0]["further"][5]["answer"] += " river"


def another_raw_answer(tree):
    one = tree["queries"][0]["further"][5]
    one["answer"] += " river"
    one["asked"]["raw"] = one["answer"]


def warm(tree):
    tree["queries"][0]["further"][5]["asked"]["request"]["temperature"] = 0.7


def another_question(tree):
    tree["queries"][0]["further"][5]["asked"]["request"]["prompt"] = "What else is there to say?"


def fewer_of_one_domain(tree):
    del tree["queries"][0]["further"]


def as_before(tree):
    tree["format"] = "ifrs/evidence/v4"
    del tree["looks"]


def another_domain(tree):
    for name in ("cooking", "travel"):
        if tree["queries"][0]["prompt"] != name:
            tree["queries"][0]["prompt"] = name
            return


WAYS = [
    (left_out, "25, 50 or 100 questions, not 24"),
    (repeated, "does not hold its key"),
    (in_another_order, "does not hold its key"),
    (another_answer, "not the whole of what its raw answer holds"),
    (another_raw_answer, "its score is not|rank is not"),
    (warm, "temperature"),
    (another_question, "does not hold its key"),
    (fewer_of_one_domain, "as many questions"),
    (as_before, "format v5 or v6"),
    (another_domain, "not what the claim committed to"),
]


@pytest.mark.parametrize(("way", "said"), WAYS, ids=[way.__name__ for way, _ in WAYS])
def test_who_makes_a_bundle_chooses_nothing(tmp_path, ring, way, said):
    ring.generate("n", 4, **SIGNAL)
    tree = sealed(bundle_of(tmp_path, ring, questions=25))
    assert checked(tmp_path, tree).ok
    way(tree)
    found = checked(tmp_path, sealed(tree))
    assert not found.ok
    assert any(part in problem for problem in found.problems for part in said.split("|"))
    assert not any("altered after it was made" in problem for problem in found.problems)


def test_further_questions_are_of_domains_alone(tmp_path, ring):
    ring.generate("n", 4, **SIGNAL)
    further = bundle_of(tmp_path, ring, questions=25)["queries"][0]["further"]
    ring.generate("keys", 4)

    def knowing(fps):
        said = {fps[i].prompt: f" {fps[i].response}" for i in range(4)}
        return Saying(said.__getitem__)

    tree = bundle_of(tmp_path, ring, "keys", knowing)
    assert checked(tmp_path, tree).ok
    tree["queries"][0]["further"] = further
    assert any("a single one" in problem for problem in checked(tmp_path, sealed(tree)).problems)
