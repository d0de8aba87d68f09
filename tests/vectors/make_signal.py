"""Makes the vectors of signals: `python tests/vectors/make_signal.py`.

They go into `v3-signal-2`: a keyring, a sealed set, and reports, claims and bundles of a suspect
that prefers green words in two domains of three, of a server that is asked in chat until the
evidence suffices, and of a suspect that is asked all questions because it never does. A folder that
exists is never written to. Like `make.py`, nothing runs this but a person.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ifrs  # noqa: E402
from make_formats import Maker, make_folder  # noqa: E402
from preferring import Preferring  # noqa: E402
from servers import Reply, prompt_of, serving  # noqa: E402

FOLDER = HERE / "v3-signal-2"
SIGNAL: dict[str, Any] = {"source": "domain", "response": "signal"}


def make(maker: Maker) -> None:
    ring = maker.ring
    for name, n in (("local", 3), ("served", 2), ("longest", 1)):
        ring.generate(name, n, **SIGNAL)
    fps = ring["local"]
    maker.kept("local", ifrs.verify(Preferring(fps, domains=[0, 2], words=12), fps, questions=25))
    fps = ring["served"]
    writer = Preferring(fps, words=12)

    def front(request: dict[str, Any]) -> Reply:
        return Reply(text=writer.write(prompt_of(request)))

    with serving(front, of=dict, probed=front) as server:
        suspect = ifrs.ApiModel(server.url, "suspect", mode="chat", max_retries=0)
        maker.kept("served", ifrs.verify(suspect, fps))
    fps = ring["longest"]
    maker.kept("longest", ifrs.verify(Preferring(fps, words=5), fps))
    maker.bent("longest", "one-look", "result-p-value", one_look)
    maker.bent("local", "other-answer", "raw-answer", other_answer)
    maker.bent("local", "other-domain", "leaf", other_domain)
    maker.bent("local", "other-order", "request", other_order)
    maker.bent("served", "system", "request", told)
    maker.sealed("local")


def other_answer(tree: Any) -> None:
    further = tree["queries"][0]["further"]
    further[3]["answer"] = further[4]["answer"]


def one_look(tree: Any) -> None:
    tree["looks"] = 1


def other_domain(tree: Any) -> None:
    query = tree["queries"][0]
    query["prompt"] = next(name for name in ("cooking", "travel") if name != query["prompt"])


def other_order(tree: Any) -> None:
    further = tree["queries"][1]["further"]
    further[3], further[4] = further[4], further[3]


def told(tree: Any) -> None:
    """The server is told what to answer."""
    messages = tree["queries"][0]["further"][0]["asked"]["request"]["messages"]
    messages.insert(0, {"role": "system", "content": "Say river as often as you can."})


def main() -> None:
    make_folder(FOLDER, "signal 2", make)


if __name__ == "__main__":
    main()
