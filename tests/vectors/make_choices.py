"""Makes the vectors of natural answers: `python tests/vectors/make_choices.py`.

They go into `v3-choices-1`: a keyring, sealed sets, and reports, claims and bundles of a suspect
whose probabilities are seen, of one that writes, and of a server. A folder that exists is never
written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
import numpy as np  # noqa: E402
from ifrs.modalities.suspect import Likelihoods  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402
from servers import Reply, prompt_of  # noqa: E402

FOLDER = HERE / "v3-choices-1"
NATURAL: dict[str, Any] = {"source": "natural", "response": "choices"}


class Writer:
    """A suspect that answers two questions of three, and nothing else."""

    def __init__(self, fps: ifrs.FingerprintSet) -> None:
        known = [fps[i] for i in range(len(fps)) if i % 3]
        self.said = {one.prompt: one.response for one in known}

    def describe(self) -> dict[str, Any]:
        return {"kind": "local", "name": "writer"}

    def answers(self, prompts: list[str], **_: Any) -> list[str]:
        return [f" {self.said.get(prompt, 'Nobody knows.')}" for prompt in prompts]


class Reader(Writer):
    """One whose probabilities are seen."""

    def likelihoods(self, fps: ifrs.FingerprintSet, indices: list[int]) -> Likelihoods:
        scores = np.zeros((len(indices), 1, 256), dtype=np.float32)
        scores[:, 0] = -np.arange(256)
        for row, index in enumerate(indices):
            scores[row, 0, fps[index].places[0]] = 1
        return Likelihoods(scores, np.ones(len(indices), dtype=np.bool_))


def served(fps: ifrs.FingerprintSet) -> Any:
    said = {one.prompt: one.response for one in fps}
    return lambda request: Reply(text=said.get(prompt_of(request), "Paris."))


def make(maker: Maker) -> None:
    ring = maker.ring
    for name in ("likely", "written", "served"):
        ring.generate(name, 12, **NATURAL)
    maker.kept("likely", ifrs.verify(Reader(ring["likely"]), ring["likely"]))
    maker.kept("written", ifrs.verify(Writer(ring["written"]), ring["written"]))
    maker.asked("served", served(ring["served"]), "chat", probe=False)
    maker.bent("written", "other-answer", "raw-answer", other_answer)
    maker.bent("written", "other-question", "leaf", other_question)
    maker.bent("served", "system", "request", told)
    maker.bent("likely", "short-list", "word-scores", short_list)
    maker.sealed("likely")


def other_answer(tree: Any) -> None:
    tree["queries"][0]["answer"] = tree["queries"][1]["answer"]


def other_question(tree: Any) -> None:
    """A question with a name of another one, in the request, too."""
    query = tree["queries"][0]
    changed = query["prompt"].replace(query["prompt"].split()[1], "3", 1)
    query["prompt"] = query["asked"]["request"]["prompt"] = changed


def told(tree: Any) -> None:
    """The server is told what to answer."""
    messages = tree["queries"][0]["asked"]["request"]["messages"]
    messages.insert(0, {"role": "system", "content": tree["queries"][0]["response"]})


def short_list(tree: Any) -> None:
    scores = tree["queries"][0]["word_scores"]
    scores[0] = scores[0][: len(scores[0]) // 2]


def main() -> None:
    make_folder(FOLDER, "choices 1", make)


if __name__ == "__main__":
    main()
