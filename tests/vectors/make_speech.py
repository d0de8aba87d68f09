"""Makes the vectors of sounds that are answered in words: `python tests/vectors/make_speech.py`.

They go into `v3-speech-1`: a keyring, sealed sets, and reports, claims and bundles of a suspect
whose probabilities are seen, of a function that transcribes, and of a server that does. A folder
that exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
import numpy as np  # noqa: E402
from ifrs import _core  # noqa: E402
from ifrs.modalities.suspect import Likelihoods  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402
from modalities.speech.test_server_speech import hearing, knowing  # noqa: E402

FOLDER = HERE / "v3-speech-1"
# Small, since whole keys are written down.
SOUND: dict[str, Any] = {"source": "sound", "rate": 8000, "seconds": 0.5}


class Reader:
    """A suspect that hears the keys, and whose probabilities are seen."""

    def __init__(self, fps: ifrs.FingerprintSet) -> None:
        self.said = {f.prompt: f.response for f in fps}

    def describe(self) -> dict[str, Any]:
        return {"kind": "local", "name": "reader"}

    def answers(self, prompts: list[str], **_: Any) -> list[str]:
        return [self.said[prompt] for prompt in prompts]

    def likelihoods(self, fps: ifrs.FingerprintSet, indices: list[int]) -> Likelihoods:
        scores = np.zeros((len(indices), 2, len(_core.response_words())), dtype=np.float32)
        for row, index in enumerate(indices):
            scores[row, [0, 1], list(fps[index].places)] = 1
        return Likelihoods(scores, np.ones(len(indices), dtype=np.bool_))


def make(maker: Maker) -> None:
    ring = maker.ring
    for name in ("likely", "written", "served"):
        ring.generate(name, 5, **SOUND)
    maker.kept("likely", ifrs.verify(Reader(ring["likely"]), ring["likely"]))
    said = {f.key[1].tobytes(): f.response for f in ring["written"]}
    hear = ifrs.SpeechModel(
        lambda sounds: [f" {said[samples.tobytes()]}." for _, samples in sounds],
        spends_keys=False,
        name="function",
    )
    maker.kept("written", ifrs.verify(hear, ring["written"]))
    with hearing(knowing(ring["served"])) as heard:
        server = ifrs.SpeechModel.from_api(heard.url, "whisper-1", language="en", max_retries=0)
        maker.kept("served", ifrs.verify(server, ring["served"]))
    maker.bent("served", "prompted", "request", prompted)
    maker.bent("served", "other-answer", "raw-answer", other_answer)
    maker.bent("served", "completion", "request", completion)
    maker.bent("likely", "one-list", "word-scores", one_list)
    maker.sealed("likely")


def prompted(tree: Any) -> None:
    """The server is told before what it will hear."""
    tree["queries"][0]["asked"]["request"]["prompt"] = "copper window"


def other_answer(tree: Any) -> None:
    tree["queries"][0]["answer"] = tree["queries"][1]["answer"]


def completion(tree: Any) -> None:
    """Sounds, said to be sent as prompts."""
    for query in tree["queries"]:
        asked = query["asked"]
        sound = asked["request"]["file"]
        asked["request"] = {"model": "whisper-1", "prompt": sound, "temperature": 0}
        asked["endpoint"] = asked["endpoint"].replace("audio/transcriptions", "completions")


def one_list(tree: Any) -> None:
    del tree["queries"][0]["word_scores"][1]


def main() -> None:
    make_folder(FOLDER, "speech 1", make)


if __name__ == "__main__":
    main()
