"""Makes the vectors of formats newer than their scheme: `python tests/vectors/make_formats.py`.

They go into `v3-formats-4`: reports and bundles of format v4, of servers that think and of servers
that show probabilities, and a keyring, a sealed set, a claim and a bundle of a set that is not for
text. A folder that exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
import numpy as np  # noqa: E402
from ifrs.modalities import MODALITIES  # noqa: E402
from make import PASSPHRASE, Vectors, empty_ring  # noqa: E402
from servers import Reply, prompt_of, serving  # noqa: E402
from showers import Shower  # noqa: E402
from test_vectors import Reader  # noqa: E402

FOLDER = HERE / "v3-formats-4"
SUBJECT = {"model.safetensors": "ab" * 32}


class Maker:
    """One keyring, and what is made with its sets."""

    def __init__(self, out: Vectors, ring: ifrs.Keyring) -> None:
        self.out, self.ring = out, ring

    def note(self, kind: str, file: str, **fields: Any) -> None:
        """Writes down what a reader says of a file that is good."""
        entry = {"kind": kind, "file": file, "expect": {"ok": True}, **fields}
        with tempfile.TemporaryDirectory() as folder:
            found = getattr(Reader(self.out.folder, entry, Path(folder)), kind.replace(" ", "_"))()
        found = json.loads(json.dumps(found))
        if kind == "bundle":
            looked = ["looks"] if counts_looks(self.out.folder / file) else []
            unknown = ["age-unknown"] if found["verdict"] == "match" else []
            found["notes"] = ["publisher-key-not-given", *looked, *unknown]
        self.out.add(kind, file, {"ok": True, **found}, **fields)

    def asked(self, name: str, front: Callable[[Any], Any], mode: str, **options: Any) -> None:
        """A server that was asked: report, claim and bundle."""
        fps = self.ring[name]
        with serving(front, of=dict, probed=front) as server:
            suspect = ifrs.ApiModel(server.url, "suspect", mode=mode, max_retries=0, **options)
            self.kept(name, ifrs.verify(suspect, fps))

    def kept(self, name: str, report: ifrs.Report) -> None:
        report.save(self.out.path(f"reports/{name}.json"))
        self.note("report", f"reports/{name}.json")
        claim = self.ring.claim(name, subject=SUBJECT)
        claim.save(self.out.path(f"claims/{name}.json"))
        self.note("claim", f"claims/{name}.json", tsa_roots=[])
        report.evidence(claim).save(self.out.path(f"bundles/{name}.json"))
        how = {"claim": f"claims/{name}.json", "alpha": 1e-6}
        self.note("bundle", f"bundles/{name}.json", **how)

    def bent(self, name: str, what: str, problem: str, change: Callable[[Any], Any]) -> None:
        """A bundle with one change."""
        tree = json.loads((self.out.folder / f"bundles/{name}.json").read_text(encoding="utf-8"))
        change(tree)
        file = f"bad/{name}-{what}.json"
        self.out.path(file).write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
        how = {"claim": f"claims/{name}.json", "alpha": 1e-6}
        self.out.add("bundle", file, {"ok": False, "problems": [problem]}, **how)

    def sealed(self, name: str) -> None:
        """One set sealed for an officer, and then the keyring, which is closed for it."""
        recipient = (HERE / "v3/identities/officer.txt").read_text(encoding="utf-8")
        public = next(line.split()[-1] for line in recipient.splitlines() if "public key" in line)
        self.out.path("identities/officer.txt").write_text(recipient, encoding="utf-8")
        self.ring.export(name, self.out.path(f"sets/{name}.age"), recipients=[public])
        self.note("sealed set", f"sets/{name}.age", open={"identity": "identities/officer.txt"})
        self.ring.close()
        place = self.out.path("keyrings/publisher.ifrs")
        place.write_bytes(self.ring.path.read_bytes())
        self.note("keyring", "keyrings/publisher.ifrs", open={"passphrase": PASSPHRASE})


def counts_looks(bundle: Path) -> bool:
    """Whether asking for it could stop after several numbers of questions."""
    return bool(json.loads(bundle.read_text(encoding="utf-8")).get("looks", 1) > 1)


def make_folder(target: Path, label: str, make: Callable[[Maker], None]) -> None:
    """A folder of vectors of scheme v3, by what makes them; one that exists stays as it is."""
    if target.exists():
        print(f"{target} is there already and stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = str(Path(folder) / "state")
        vectors = Vectors(target)
        make(Maker(vectors, empty_ring(Path(folder) / "publisher.ifrs", label)))
        vectors.write_index("ifrs/scheme/v3")
        print(f"{target}: {len(vectors.entries)} vectors")


def thinker(
    fps: ifrs.FingerprintSet, *, off: bool = False, aloud: bool = True, needs: int = 99
) -> Any:
    """A server that thinks before it answers, and may be told not to."""
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}

    def answer(request: dict[str, Any]) -> Reply:
        said: str | None = secret.get(prompt_of(request), "Paris")
        thoughts, ended = f"hm, {said}" if not aloud else "hm", "stop"
        if off and "chat_template_kwargs" in request:
            thoughts = None  # type: ignore[assignment]
        elif needs > request["max_tokens"]:
            said, thoughts, ended = None, "hm", "length"
        elif not aloud:
            said = None
        message = {"role": "assistant", "content": said, "reasoning_content": thoughts}
        choice = {"index": 0, "message": message, "finish_reason": ended}
        return Reply(body=json.dumps({"choices": [choice]}).encode())

    return answer


class Flags:
    """A suspect of another kind: it gives scores, and knows some keys."""

    def __init__(self, fps: ifrs.FingerprintSet) -> None:
        self.known = {fps[i].challenge: fps[i].places[0] for i in range(len(fps))}

    def describe(self) -> dict[str, Any]:
        return {"kind": "local", "name": "flags"}

    def scores(self, keys: list[Any]) -> np.ndarray:
        found = np.zeros((len(keys), 10), dtype=np.float32)
        for row, place in enumerate(self.known.values()):
            found[row, place] = 1
        return found


def make(maker: Maker) -> None:
    ring = maker.ring
    for name in ("switched", "thoughts", "completions", "chat", "one-word"):
        ring.generate(name, 4)
    maker.asked("switched", thinker(ring["switched"], off=True, needs=10**9), "chat")
    maker.asked("thoughts", thinker(ring["thoughts"], aloud=False), "chat")
    for mode in ("completions", "chat"):
        maker.asked(mode, Shower(ring[mode], mode, most=20), mode)
    single = Shower(ring["one-word"], "chat", most=20)
    single.split = lambda request: (prompt_of(request), None)  # type: ignore[method-assign]
    maker.asked("one-word", single, "chat", evidence="likelihood")
    make_cut(maker)
    make_flags(maker)
    maker.bent("chat", "other-word", "request", other_word)
    maker.bent("completions", "scores", "word-scores", scores_beside)
    maker.bent("thoughts", "answer", "raw-answer", lambda t: t["queries"][0].update(answer="hm"))
    maker.bent("switched", "kwargs", "request", other_switch)


def other_word(tree: Any) -> None:
    tree["queries"][0]["asked_after"]["request"]["messages"][1]["content"] = "candle"


def scores_beside(tree: Any) -> None:
    tree["queries"][0]["word_scores"] = ["AAAA", "AAAA"]


def other_switch(tree: Any) -> None:
    request = tree["queries"][0]["asked"]["request"]
    request["chat_template_kwargs"] = {"enable_thinking": "copper"}


def make_cut(maker: Maker) -> None:
    """A report in which an answer ended before it began."""
    maker.ring.generate("cut", 4)
    front = thinker(maker.ring["cut"], needs=10**9)
    ordinary = thinker(maker.ring["cut"], needs=99)
    with serving(front, of=dict, probed=ordinary) as server:
        suspect = ifrs.ApiModel(server.url, "suspect", max_retries=0)
        report = ifrs.verify(suspect, maker.ring["cut"])
    assert report.queries[0].cut_off
    report.save(maker.out.path("reports/cut.json"))
    maker.note("report", "reports/cut.json")


def make_flags(maker: Maker) -> None:
    """A keyring of format v4, with a set that is not for text; the set sealed, and evidence."""
    MODALITIES["flags"] = "toys.modality"
    fps = maker.ring.generate("flags", 8, modality="flags", classes=10)
    maker.kept("flags", ifrs.verify(Flags(fps), fps))
    maker.sealed("flags")


def main() -> None:
    make_folder(FOLDER, "formats 4", make)


if __name__ == "__main__":
    main()
