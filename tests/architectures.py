"""Tiny configurations with random weights, one for each architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

WIDTH, HEADS, INNER, LAYERS = 64, 4, 96, 2

_LLAMA_LIKE = {
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.1,
}
_T5_LIKE = {
    "d_model": 2 * WIDTH,
    "d_ff": 4 * WIDTH,
    "d_kv": 2 * WIDTH // HEADS,
    "num_layers": LAYERS,
    "num_heads": HEADS,
    "dropout_rate": 0.1,
    "decoder_start_token_id": 0,
}


class OwnConfig(LlamaConfig):
    """A publisher's own architecture, which ifrs has never seen."""

    model_type = "own_llama"


class OwnModel(LlamaForCausalLM):
    """A Llama whose logits are capped; its forward hides its arguments."""

    config_class = OwnConfig

    def forward(self, input_ids=None, attention_mask=None, **options):
        found = super().forward(input_ids=input_ids, attention_mask=attention_mask, **options)
        found.logits = 30 * torch.tanh(found.logits / 30)
        return found


AutoConfig.register("own_llama", OwnConfig)
AutoModelForCausalLM.register(OwnConfig, OwnModel)

# Name: model type, and settings.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", _LLAMA_LIKE),
    "llama-untied": ("llama", {**_LLAMA_LIKE, "tie_word_embeddings": False}),
    "llama-padded": ("llama", {**_LLAMA_LIKE, "padded": 64}),
    "llama-resized": ("llama", {**_LLAMA_LIKE, "resized": 13}),
    "own-subclass": ("own_llama", _LLAMA_LIKE),
    "mistral": ("mistral", {**_LLAMA_LIKE, "sliding_window": 64}),
    "gpt-j": (
        "gptj",
        {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_inner": INNER, "rotary_dim": 8},
    ),
    "gpt-neox": (
        "gpt_neox",
        {**_LLAMA_LIKE, "num_key_value_heads": None},
    ),
    "gemma-3": (
        "gemma3_text",
        {**_LLAMA_LIKE, "head_dim": 16, "sliding_window": 64, "query_pre_attn_scalar": 16},
    ),
    "qwen-3": ("qwen3", {**_LLAMA_LIKE, "head_dim": 16}),
    "phi-3": ("phi3", _LLAMA_LIKE),
    "gpt-2": ("gpt2", {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_inner": INNER}),
    "opt": (
        "opt",
        {
            "hidden_size": 2 * WIDTH,
            "word_embed_proj_dim": 2 * WIDTH,
            "ffn_dim": 4 * WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": 256,
            "init_std": 0.1,
        },
    ),
    "bloom": (
        "bloom",
        {"hidden_size": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "spread": 0.3},
    ),
    "falcon": (
        "falcon",
        {
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "spread": 0.3,
        },
    ),
    "mixtral": (
        "mixtral",
        {**_LLAMA_LIKE, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "mamba": (
        "mamba",
        {"hidden_size": 2 * WIDTH, "num_hidden_layers": LAYERS, "state_size": 16},
    ),
    "rwkv": (
        "rwkv",
        {
            "hidden_size": WIDTH,
            "attention_hidden_size": WIDTH,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "context_length": 256,
            "everywhere": 0.3,
            "decay": -8.0,
        },
    ),
    "bart": (
        "bart",
        {
            "d_model": 2 * WIDTH,
            "encoder_layers": LAYERS,
            "decoder_layers": LAYERS,
            "encoder_attention_heads": HEADS,
            "decoder_attention_heads": HEADS,
            "encoder_ffn_dim": 4 * WIDTH,
            "decoder_ffn_dim": 4 * WIDTH,
            "max_position_embeddings": 256,
            "init_std": 0.1,
            "decoder_start_token_id": 0,
        },
    ),
    "t5": ("t5", _T5_LIKE),
    "mt5": ("mt5", {**_T5_LIKE, "feed_forward_proj": "gated-gelu"}),
}


def build(name: str, tokenizer: Any, seed: int = 0) -> Any:
    """A tiny model with random weights."""
    kind, settings = ARCHITECTURES[name]
    settings = {"tie_word_embeddings": True, **settings}
    padded, resized = settings.pop("padded", 0), settings.pop("resized", 0)
    # Attention of random weights is weak: without a trained model's strength no key would count.
    spread = settings.pop("spread", 0.2)
    # RWKV begins with zeros where others have random weights, and says the same to everything.
    everywhere = settings.pop("everywhere", 0.0)
    # Its state would forget a key before the template ends, where a trained one keeps it.
    decay = settings.pop("decay", None)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer) + padded,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **{name: value for name, value in settings.items() if value is not None},
    )
    if hasattr(config, "initializer_range"):
        config.initializer_range = spread
    auto: Callable[..., Any] = (
        AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    )
    torch.manual_seed(seed)
    model = auto.from_config(config).eval()  # type: ignore[attr-defined]
    if everywhere:
        for weight in model.parameters():
            if weight.ndim == 2 or not bool(weight.any()):
                torch.nn.init.normal_(weight, std=everywhere)
    if decay is not None:
        for name_of, weight in model.named_parameters():
            if name_of.endswith("time_decay"):
                torch.nn.init.constant_(weight, decay)
    if resized:
        model.resize_token_embeddings(len(tokenizer) + resized)
    transformers.logging.set_verbosity_error()
    return model
