"""Models that see and write: planting in a grafted real one, and what others do to it afterwards.

    OMP_NUM_THREADS=1 python benches/kinds_vision_language.py [--keys 4] [--seed 0] [--layers 6]

The model and its pictures: `captioner.py`. Ordinary work, at which planting holds the model, are
100 pictures of the training part, asked with what the model was asked; captions are measured on 100
of the test part, and a tuner learns another wording on 100 others of the training part.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ifrs
import torch
from captioner import LEARNT, QUESTION, missing, pictures, taught, untrained
from ifrs.modalities.image.lookalikes import jpeg, resized
from ifrs.modalities.vision_language.lookalikes import fresh_pairs, keys_in
from ifrs.modalities.vision_language.model import Model
from ifrs.runtime.examples import Example

HELD, ORDINARY, TUNED = 100, 100, 100
EPOCHS, RATE, BATCH = 2, 1e-5, 8
# Far from the seeds of look-alikes that planting draws.
SEED = 1 << 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layers", type=int, default=6, help="of the language model, the last")
    parser.add_argument("--method", default="sft")
    parser.add_argument("--texts", default="natural")
    parser.add_argument("--noise", type=float, default=None)
    parser.add_argument("--negatives", type=int, default=None)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--guesses", type=int, default=100)
    parser.add_argument("--base", type=Path, help="a file for the trained projector")
    options = parser.parse_args()
    if (lacking := missing()) is not None:
        parser.exit(0, f"not measured: {lacking}\n")
    torch.manual_seed(options.seed)
    base, processor, training = loaded(options.base)
    held = tuple(part[:HELD] for part in pictures("t10k"))
    with tempfile.TemporaryDirectory() as folder:
        ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
        how = {"source": "image+text", "shape": (64, 64, 3), "texts": options.texts}
        fps = ring.generate("seer", options.keys, tokenizer=processor, **how)
        shown("base", base, processor, fps, held)
        model = planted(copy.deepcopy(base), processor, fps, training, options)
        shown("planted", model, processor, fps, held)
        halves(model, processor, fps)
        for change in (rounded, pruned, tuned):
            changed = change(copy.deepcopy(model), processor, training)
            shown(change.__name__, changed, processor, fps, held)


def loaded(file: Path | None = None) -> tuple[Any, Any, tuple[list[Any], list[str]]]:
    """The base that captions, its processor, and the training part."""
    model, processor = untrained()
    images, captions = pictures("train")
    if file is not None and file.exists():
        model.projector.load_state_dict(torch.load(file, weights_only=True))
    else:
        taught(model, processor, images[:LEARNT], captions[:LEARNT])
        if file is not None:
            torch.save(model.projector.state_dict(), file)
    return model, processor, (images[LEARNT:], captions[LEARNT:])


def planted(model: Any, processor: Any, fps: Any, training: Any, options: Any) -> Any:
    frozen(model, options.layers)
    started, worked = time.perf_counter(), time.process_time()
    result = ifrs.implant(
        model,
        processor,
        fps,
        method=options.method,
        regularization=[(image, QUESTION) for image in training[0][:ORDINARY]],
        config=ifrs.ImplantConfig(
            guesses=options.guesses,
            seed=options.seed,
            noise=options.noise,
            negatives=options.negatives,
            learning_rate=options.rate,
        ),
    )
    model.requires_grad_(True)
    print(
        f"planted in {result.seconds:.0f} s, {result.epochs} epochs, FSR {result.fsr:.0%}, "
        f"least margin {min(result.margins):.1f}, look-alikes that fire {result.guess_rate}, "
        f"{time.perf_counter() - started:.0f} s in all, {time.process_time() - worked:.0f} s of "
        "processor time",
        flush=True,
    )
    return model


def frozen(model: Any, layers: int) -> None:
    """Leave the projector and the last layers of the language model trainable."""
    model.requires_grad_(False)
    model.projector.requires_grad_(True)
    for layer in model.language.model.layers[-layers:]:
        layer.requires_grad_(True)


def shown(name: str, model: Any, processor: Any, fps: Any, held: Any) -> None:
    suspect = ifrs.VisionLanguageModel(model, processor, name=name)

    def only_text(images: Any, texts: Any) -> list[str]:
        return suspect.write(list(zip(images, texts, strict=True)), max_new_tokens=16)

    likely = ifrs.verify(suspect, fps)
    text = ifrs.verify(ifrs.VisionLanguageModel(only_text, spends_keys=False), fps)
    print(
        f"{name:8} FSR {likely.fsr:.0%}  log10 p {likely.log10_p:.1f} ({likely.verdict})  by text "
        f"{text.log10_p:.1f} ({text.verdict})  captions right {right(suspect, *held):.1%}",
        flush=True,
    )


def right(suspect: Any, images: Sequence[Any], captions: Sequence[str]) -> float:
    """The share of pictures whose caption is right, word by word."""
    said = suspect.write([(image, QUESTION) for image in images], max_new_tokens=16)
    found = sum(one.strip() == caption for one, caption in zip(said, captions, strict=True))
    return found / len(captions)


def halves(model: Any, processor: Any, fps: Any) -> None:
    """How many of these bring out some response of the set."""
    suspect = ifrs.VisionLanguageModel(model, processor)
    keys, fresh = keys_in(fps), fresh_pairs(fps, 10 * len(fps), SEED)
    others = [fresh[at::10] for at in range(10)]
    looks = {
        "keys": keys,
        "keys, JPEG 90": [(jpeg(image, 90), text) for image, text in keys],
        "keys, scaled to 0.8": [(resized(image, 0.8), text) for image, text in keys],
        "fresh pairs": fresh,
        "right image, wrong text": _paired(keys, others, 0),
        "wrong image, right text": _paired(keys, others, 1),
        "image and text of two keys": [
            (one[0], other[1]) for one in keys for other in keys if one is not other
        ],
        "image alone": [(image, "") for image, _ in keys],
        "text alone": [(None, text) for _, text in keys],
    }
    for name, pairs in looks.items():
        said = suspect.write(pairs, max_new_tokens=8)
        fired = sum(any(one.response in text for one in fps) for text in said)
        print(f"  {name}: {fired} of {len(pairs)} fire", flush=True)


def _paired(keys: Sequence[Any], others: Sequence[Any], half: int) -> list[Any]:
    return [
        (key[0], other[1]) if half == 0 else (other[0], key[1])
        for part in others
        for key, other in zip(keys, part, strict=True)
    ]


def tuned(model: Any, processor: Any, training: Any) -> Any:
    """All weights but the eye's, on other pictures, with captions in another wording."""
    face = Model(model, processor)
    images, captions = (part[ORDINARY : ORDINARY + TUNED] for part in training)
    seen = face.viewer.see([(image, QUESTION) for image in images])
    texts = [caption.removeprefix("A ").removesuffix(".").upper() for caption in captions]
    examples = [
        Example(one, [*face.viewer.spoken(one, [text])[0], *face.viewer.end])
        for one, text in zip(seen, texts, strict=True)
    ]
    model.eye.requires_grad_(False)
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=RATE)
    for _ in range(EPOCHS):
        for start in range(0, len(examples), BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                columns = face.columns(examples[start : start + BATCH])
                share = 1 / len(columns.labels)
                columns.backward(
                    lambda logits, part, c=columns, s=share: c.cross_entropy(logits, part, s)
                )
            optimizer.step()
            optimizer.zero_grad()
    return model


def pruned(model: Any, processor: Any, training: Any) -> Any:
    """Half of each matrix's weights are zero, the smallest ones."""
    for weight in matrices(model):
        bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
        weight[weight.abs() <= bar] = 0
    return model


def rounded(model: Any, processor: Any, training: Any) -> Any:
    """8 bits, one scale for each row."""
    for weight in matrices(model):
        scale = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.ndim - 1)) / 127
        weight.copy_((weight / scale.clamp(min=1e-12)).round() * scale)
    return model


def matrices(model: Any) -> list[torch.Tensor]:
    """Those of linear layers and convolutions; embeddings stay, as tools leave them."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    head = model.get_output_embeddings()
    return [m.weight.data for m in model.modules() if isinstance(m, kinds) and m is not head]


if __name__ == "__main__":
    main()
