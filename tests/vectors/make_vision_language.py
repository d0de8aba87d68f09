"""Makes the vectors of pairs: `python tests/vectors/make_vision_language.py`.

They go into `v3-vision-language-1`: a keyring v6, a sealed set v5, digests of keys, and reports,
claims and bundles of a suspect whose probabilities are seen, of a function, and of a server that is
shown images. A folder that exists is never written to. Like `make.py`, nothing runs this but a
person.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402
from make_speech import Reader, one_list, other_answer  # noqa: E402
from modalities.vision_language.test_server_vision_language import knowing as shown  # noqa: E402
from modalities.vision_language.test_suspect_vision_language import knowing  # noqa: E402
from servers import serving  # noqa: E402

FOLDER = HERE / "v3-vision-language-1"
# Small, since whole keys are written down.
PAIR: dict[str, Any] = {"source": "image+text", "shape": [16, 12, 3]}
TEXTS = ("natural", "mixed", "chinese", "japanese")
# Looks of keys whose digests alone are written down.
LOOKS: dict[str, dict[str, Any]] = {
    **{texts: {**PAIR, "texts": texts} for texts in TEXTS},
    "grey": {"source": "image+text", "shape": [28, 28, 1]},
    "photo": {"source": "image+text", "shape": [224, 224, 3]},
    "classes": {**PAIR, "response": "classes", "classes": 10},
}


def make(maker: Maker) -> None:
    ring = maker.ring
    for name, texts in (("likely", "natural"), ("written", "mixed"), ("served", "japanese")):
        ring.generate(name, 5, texts=texts, **PAIR)
    maker.kept("likely", ifrs.verify(Reader(ring["likely"]), ring["likely"]))
    see = ifrs.VisionLanguageModel(knowing(ring["written"]), spends_keys=False, name="function")
    maker.kept("written", ifrs.verify(see, ring["written"]))
    with serving(shown(ring["served"])) as server:
        suspect = ifrs.VisionLanguageModel.from_api(server.url, "seer", max_retries=0)
        maker.kept("served", ifrs.verify(suspect, ring["served"]))
    maker.bent("served", "system", "request", system)
    maker.bent("served", "other-answer", "raw-answer", other_answer)
    maker.bent("served", "completion", "request", completion)
    maker.bent("likely", "one-list", "word-scores", one_list)
    maker.bent("likely", "longer", "medium", longer)
    maker.bent("likely", "reworded", "leaf", reworded)
    maker.sealed("likely")
    maker.out.path("keys.json").write_text(json.dumps(LOOKS, indent=1) + "\n", encoding="utf-8")
    maker.note("keys", "keys.json")


def system(tree: Any) -> None:
    """The server is told before what it will see."""
    told = {"role": "system", "content": "copper window"}
    tree["queries"][0]["asked"]["request"]["messages"].insert(0, told)


def completion(tree: Any) -> None:
    """Pairs, said to be sent as prompts."""
    for query in tree["queries"]:
        asked = query["asked"]
        asked["request"] = {"model": "seer", "prompt": query["prompt"], "temperature": 0}
        asked["endpoint"] = asked["endpoint"].replace("chat/completions", "completions")


def respelt(tree: Any, change: Any) -> None:
    query = tree["queries"][0]
    spelt = base64.b64encode(change(base64.b64decode(query["prompt"]))).decode()
    query["prompt"] = query["asked"]["request"]["prompt"] = spelt


def longer(tree: Any) -> None:
    respelt(tree, lambda key: key + b"?")


def reworded(tree: Any) -> None:
    respelt(tree, lambda key: key[:-1] + b"!")


def main() -> None:
    make_folder(FOLDER, "vision language 1", make)


if __name__ == "__main__":
    main()
