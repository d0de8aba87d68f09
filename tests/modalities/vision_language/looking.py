"""Tiny models of random weights that see and write, with processors made here."""

from __future__ import annotations

import numpy as np
import torch
from helpers import byte_level_bpe
from ifrs import _core
from torch import nn

SIDE, PATCH = 32, 16
PATCHES = (SIDE // PATCH) ** 2
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {% for part in message.content %}"
    "{% if part.type == 'image' %}<image>\n{% else %}{{ part.text }}{% endif %}{% endfor %}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)
MARKS = ["<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"]


def tokenizer():
    """Byte-level, with the words of responses whole."""
    questions = _core.look_alikes("natural", 200, 1)
    words = [f" {word}" for word in _core.response_words()]
    found = byte_level_bpe([*words, *questions], 5_000)
    found.add_special_tokens({"additional_special_tokens": MARKS})
    found.model_input_names = ["input_ids", "attention_mask"]
    return found


def _images():
    from transformers import CLIPImageProcessor

    size = {"height": SIDE, "width": SIDE}
    return CLIPImageProcessor(size=size, do_center_crop=False)


def _vision(**changes):
    return {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "image_size": SIDE,
        "patch_size": PATCH,
        "initializer_range": 0.2,
        **changes,
    }


def _text(tokenizer, **changes):
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 512,
        "initializer_range": 0.1,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": False,
        **changes,
    }


def llava(tokenizer, template=TEMPLATE):
    """LLaVA, with a chat template or without, and its processor."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_vision()),
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=PATCHES,
        vision_feature_layer=-1,
    )
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(config).eval()
    processor = LlavaProcessor(
        _images(),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    return _ending(model, tokenizer), processor


def paligemma(tokenizer):
    """PaliGemma, which reads a prompt in both directions, and its processor."""
    from transformers import (
        GemmaConfig,
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipVisionConfig,
    )

    images = _images()
    images.image_seq_length = PATCHES
    processor = PaliGemmaProcessor(images, tokenizer)
    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**_vision(), vision_use_head=False),
        text_config=GemmaConfig(**_text(tokenizer, head_dim=16)),
        image_token_index=processor.image_token_id,
        projection_dim=64,
    )
    torch.manual_seed(0)
    return _ending(PaliGemmaForConditionalGeneration(config).eval(), tokenizer), processor


def idefics(tokenizer):
    """Idefics3, the kin of SmolVLM, whose pictures are cut into tiles; and its processor."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
        LlamaConfig,
    )

    images = Idefics3ImageProcessor(
        size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    processor = Idefics3Processor(images, tokenizer, image_seq_len=1, chat_template=TEMPLATE)
    config = Idefics3Config(
        vision_config=_vision(),
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_id=processor.image_token_id,
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    return _ending(Idefics3ForConditionalGeneration(config).eval(), tokenizer), processor


def _ending(model, tokenizer):
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


class Plain(nn.Module):
    """No model of transformers: a picture's mean colours before a text, read by a small GRU."""

    def __init__(self, rows):
        super().__init__()
        self.colours = nn.Linear(3 * 16, 64)
        self.table = nn.Embedding(rows, 64)
        self.reader = nn.GRU(64, 64, batch_first=True)
        self.head = nn.Linear(64, rows)

    def forward(self, input_ids, attention_mask, pixel_values):
        states = self.table(input_ids) + self.colours(pixel_values.flatten(1))[:, None]
        return self.head(self.reader(states)[0])


class PlainProcessor:
    """Tokens, and the colours of sixteen parts; a text alone is none of its inputs."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, images, text, return_tensors):
        found = self.tokenizer(text, return_tensors=return_tensors)
        small = [np.asarray(image.resize((4, 4)), np.float32) / 255 for image in images]
        found["pixel_values"] = torch.tensor(np.stack(small))
        return dict(found)


def plain(tokenizer):
    torch.manual_seed(0)
    model = Plain(len(tokenizer)).eval()
    with torch.no_grad():
        model.head.weight.mul_(8)
    return model, PlainProcessor(tokenizer)


MODELS = {
    "llava": llava,
    "llava without a template": lambda tokenizer: llava(tokenizer, None),
    "paligemma": paligemma,
    "idefics3": idefics,
    "plain": plain,
}


def photos(count, seed=0):
    """Pictures of noise and edges, each with a question; (PIL image, text)."""
    from PIL import Image

    rng, found = np.random.default_rng(seed), []
    for place in range(count):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[: 4 + place % 24] //= 4
        found.append((Image.fromarray(pixels), f"What is in picture {place}?"))
    return found
